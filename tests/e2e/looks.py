"""What a person would see at once and no other test does: text cut off, a code for a word, a key
press that leads nowhere.
"""

from playwright.sync_api import Page

NARROW = 320
_REFLOW = 150
_LOOK = r"""() => {
  const found = []
  const root = document.documentElement
  if (root.scrollWidth > window.innerWidth) found.push(`sideways: ${root.scrollWidth} px`)
  const name = (el) => [el.tagName.toLowerCase(), ...el.classList].join('.')
  const heard = '.visually-hidden, .skip-link, .bare-label > .label'
  const isShown = (el) =>
    el.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && !el.closest(heard)
  const cutters = (el) => {
    const all = []
    for (let up = el; up && up !== document.body; up = up.parentElement) {
      const { overflowX, position, textOverflow } = getComputedStyle(up)
      if (/auto|scroll/.test(overflowX)) break
      const cuts = /hidden|clip/.test(overflowX) && textOverflow !== 'ellipsis'
      if (cuts && up.clientWidth > 1) all.push(up)
      if (position === 'fixed') break
    }
    return all
  }
  // Words of the trade, never our own names for them.
  const wrong = {
    code: /(?<![\w./@:-])[a-z]+(?:_[a-z0-9]+)+(?![\w/@])/,
    key: /^[a-z]+(?:\.[a-z]\w*)+$/,
    instant: /(?<!\d)1[5-9]\d{11}(?!\d)|\d{4}-\d\d-\d\dT\d\d:/,
    nothing: /\b(?:undefined|null|NaN)\b|\[object |Invalid Date|\{\w+\}/,
    id: /(?<![\w.@/-])[a-z]+(?:-[a-z]+)*-\d+(?:-\d+)?(?![\w-])/,
  }
  // A page in Chinese has no label, value or line of small letters alone.
  if (root.lang.startsWith('zh'))
    wrong.slug = /^[a-z]{4,}$|(?:^|[；，\s])[a-z]{3,}：|：[a-z]{3,}(?:；|$)/
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  const seen = new Set()
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.textContent.trim()
    const el = node.parentElement
    if (text === '' || el.closest('script, style, svg, textarea, select')) continue
    if (!isShown(el)) continue
    const range = document.createRange()
    range.selectNodeContents(node)
    const box = range.getBoundingClientRect()
    const { display, textOverflow, overflowX } = getComputedStyle(el)
    const scrolls = /auto|scroll/.test(overflowX)
    const isMeant = display === 'inline' || textOverflow === 'ellipsis' || scrolls
    const isWider = el.clientWidth > 1 && el.scrollWidth > el.clientWidth + 1
    if (isWider && !isMeant && !seen.has(el)) {
      found.push(`cut: ${name(el)}: ${text.slice(0, 40)}`)
      seen.add(el)
    }
    for (const up of cutters(el)) {
      const hole = up.getBoundingClientRect()
      if (box.right > hole.right + 1 || box.left < hole.left - 1 || box.bottom > hole.bottom + 3)
        found.push(`cut by ${name(up)}: ${text.slice(0, 40)}`)
    }
    if (el.closest('code')) continue
    for (const [what, pattern] of Object.entries(wrong))
      if (pattern.test(text)) found.push(`${what}: ${text.slice(0, 60)}`)
  }
  return found
}"""


_MOST_STOPS = 160
# What the Tab key may reach: shown, enabled, one for each group of radio buttons.
_STOPS = r"""() => {
  const all = 'a[href], button, input, select, textarea, summary, [tabindex]'
  const groups = new Set()
  const stops = [...document.querySelectorAll(all)].filter((el) => {
    if (el.disabled || el.tabIndex < 0 || !el.checkVisibility({ checkVisibilityCSS: true }))
      return false
    if (el.type !== 'radio') return true
    const chosen = document.querySelector(`input[name="${el.name}"]:checked`)
    if (groups.has(el.name) || (chosen !== null && chosen !== el)) return false
    groups.add(el.name)
    return true
  })
  stops.forEach((el, place) => { el.dataset.stop = String(place) })
  stops[0]?.focus()
  return stops.map((el) => (el.textContent.trim() || el.ariaLabel || el.id).slice(0, 30))
}"""
_STOP = r"""() => {
  const el = document.activeElement
  if (el === null || el === document.body) return null
  const { outlineStyle, boxShadow } = getComputedStyle(el)
  const box = el.getBoundingClientRect()
  const isSeen = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth
  const ring = outlineStyle !== 'none' || boxShadow !== 'none'
  return { stop: Number(el.dataset.stop ?? -1), ring, isSeen }
}"""


def walk(page: Page) -> list[str]:
    """Walk a page by Tab alone: return what is not reached, has no ring, or is off screen."""
    stops = page.evaluate(_STOPS)
    reached, found = {0}, []
    for _ in range(_MOST_STOPS):
        page.keyboard.press("Tab")
        at = page.evaluate(_STOP)
        if at is None or at["stop"] in reached:
            break
        reached.add(at["stop"])
        name = stops[at["stop"]] if at["stop"] >= 0 else "?"
        found += [] if at["ring"] else [f"no ring: {name}"]
        found += [] if at["isSeen"] else [f"off screen: {name}"]
    missed = [name for place, name in enumerate(stops) if place not in reached]
    return [*found, *(f"not reached by Tab: {name}" for name in missed[:10])]


def look(page: Page) -> list[str]:
    """Return what is wrong to the eye: a page that moves sideways, cut text, codes for words."""
    return [str(flaw) for flaw in page.evaluate(_LOOK)]


def look_narrow(page: Page) -> list[str]:
    """Look at the page as it is 320 pixels wide, which is also 1280 at 400 %; then set it back."""
    size = page.viewport_size
    assert size
    page.set_viewport_size({"width": NARROW, "height": size["height"]})
    page.wait_for_timeout(_REFLOW)
    found = look(page)
    page.set_viewport_size(size)
    return [f"at {NARROW} px: {flaw}" for flaw in found]
