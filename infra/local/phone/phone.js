// Shows the kept texts, newest first, and looks for new ones every two seconds. `?to=` names a number to begin with.

const LINK = /https?:\/\/[^\s，。；）]+/g
const list = document.querySelector('#texts')
const state = document.querySelector('#state')
const number = document.querySelector('#number')
const clock = new Intl.DateTimeFormat('zh-CN', {
  dateStyle: 'medium',
  timeStyle: 'medium',
  timeZone: 'Asia/Shanghai',
})
const asked = new URLSearchParams(location.search).get('to') ?? ''
let shown = ''

if (asked !== '') number.add(new Option(asked, asked, true, true))

/** The words of a text, with its links made clickable. */
function words(body) {
  const paragraph = document.createElement('p')
  let from = 0
  for (const match of body.matchAll(LINK)) {
    paragraph.append(body.slice(from, match.index))
    const link = document.createElement('a')
    link.href = match[0]
    link.textContent = match[0]
    paragraph.append(link)
    from = match.index + match[0].length
  }
  paragraph.append(body.slice(from))
  return paragraph
}

function item(text) {
  const entry = document.createElement('li')
  const meta = document.createElement('p')
  meta.className = 'meta'
  meta.textContent = `${text.to} · ${clock.format(new Date(text.at))} · ${text.parts} 条 part(s)`
  entry.append(meta, words(text.body))
  return entry
}

function offer(texts) {
  const known = new Set([...number.options].map((option) => option.value))
  for (const to of new Set(texts.map((text) => text.to))) {
    if (!known.has(to)) number.add(new Option(to, to))
  }
}

async function look() {
  try {
    const to = number.value
    const answer = await fetch(`phone.json?${new URLSearchParams({ to })}`)
    if (!answer.ok) throw new Error(answer.statusText)
    const wanted = await answer.json()
    if (to !== number.value) return
    offer(wanted)
    const now = JSON.stringify(wanted)
    if (now !== shown) {
      shown = now
      list.replaceChildren(...wanted.map(item))
      state.textContent = wanted.length
        ? `${wanted.length} 条短信 text(s)`
        : '还没有短信。 No texts yet.'
    }
  } catch {
    shown = ''
    state.textContent = '读不到短信，两秒后再试。 Cannot read the texts; trying again in two seconds.'
  }
}

number.addEventListener('change', look)
setInterval(look, 2000)
look()
