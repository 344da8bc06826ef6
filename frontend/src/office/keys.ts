import { onScopeDispose, ref, shallowRef, watch } from 'vue'

/** Keyboard of the office. Off inside fields and while an input method composes; letters can be switched off. */
export interface Shortcut {
  /** As `keyName` writes it, or two in a row: `g q`. */
  keys: string
  /** What it does, for the sheet; the same text as the button it stands for. */
  label: string
  run: () => void
}

type Source = () => readonly Shortcut[]

const KEPT = 'lightkeeper.office.keys'
const PREFIX_MS = 1500

const sources = shallowRef<readonly Source[]>([])
export const lettersOn = ref(localStorage.getItem(KEPT) !== 'off')
watch(lettersOn, (on) => {
  localStorage.setItem(KEPT, on ? 'on' : 'off')
})

/** What works on this page, the nearest component first; for the sheet. */
export function allShortcuts(): Shortcut[] {
  const seen = new Set<string>()
  return [...sources.value]
    .reverse()
    .flatMap((source) => [...source()])
    .filter(({ keys }) => !seen.has(keys) && seen.add(keys))
}

/** `j`, `?`, `X` (with Shift), `ArrowDown`, `Ctrl+Enter`, `Ctrl+k` (also as ⌘K, and with caps lock). */
export function keyName(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey'>): string {
  return event.ctrlKey || event.metaKey ? `Ctrl+${event.key.length === 1 ? event.key.toLowerCase() : event.key}` : event.key
}

const FIELDS = 'input:not([type=checkbox]):not([type=radio]):not([type=button]), textarea, select, [contenteditable]'
const PRESSED = 'a, button, summary, input, label'

/** Whether a key press belongs to something else: a field, an input method, a focused button, a dialog. */
export function isTaken(event: KeyboardEvent, on: boolean): boolean {
  if (event.defaultPrevented || event.isComposing || event.keyCode === 229 || event.altKey) return true
  if (document.querySelector('dialog[open]') !== null) return true
  const name = keyName(event)
  if (name === 'Escape' || name.startsWith('Ctrl+')) return false
  const target = event.target instanceof Element ? event.target : null
  if (target?.closest(FIELDS) != null) return true
  if ((name === 'Enter' || name === ' ') && target?.closest(PRESSED) != null) return true
  return name.length === 1 && !on
}

let prefix = ''
let since = 0

function onKey(event: KeyboardEvent): void {
  if (isTaken(event, lettersOn.value)) return
  const name = keyName(event)
  const now = Date.now()
  const whole = prefix !== '' && now - since < PREFIX_MS ? `${prefix} ${name}` : name
  prefix = ''
  const list = allShortcuts()
  const found = list.find(({ keys }) => keys === whole) ?? list.find(({ keys }) => keys === name)
  if (found !== undefined) {
    event.preventDefault()
    found.run()
  } else if (list.some(({ keys }) => keys.startsWith(`${name} `))) {
    event.preventDefault()
    prefix = name
    since = now
  }
}

/** Offer shortcuts while the component lives. Those of the youngest component win. */
export function useKeys(source: Source): void {
  if (sources.value.length === 0) addEventListener('keydown', onKey)
  sources.value = [...sources.value, source]
  onScopeDispose(() => {
    sources.value = sources.value.filter((one) => one !== source)
    if (sources.value.length === 0) removeEventListener('keydown', onKey)
  })
}
