"""What a person would see at once and no other test does: text cut off, a code for a word."""

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
  }
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
