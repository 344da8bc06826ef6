import { readonly, ref, type Ref } from 'vue'

/** A request made or tracked on this phone: its number and the token that opens it. */
export interface Mine {
  number: string
  token: string
  /** The order's kind. */
  kind: string
  /** Milliseconds since 1970. */
  at: number
  anonymous?: boolean
  /** The key under which it was sent, so that a page waiting for it finds it. */
  key?: string
}

const STORED = 'lightkeeper.mine'
const MOST = 20

function load(): Mine[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(STORED) ?? '[]')
    return Array.isArray(found) ? (found as Mine[]) : []
  } catch {
    return []
  }
}

const list = ref<Mine[]>(load())
addEventListener('storage', (event) => {
  if (event.key === STORED) list.value = load()
})

function save(next: Mine[]): void {
  list.value = next
  try {
    localStorage.setItem(STORED, JSON.stringify(next))
  } catch {
    // The phone keeps nothing: the number on the page is what there is.
  }
}

/** The newest first. */
export const mine = readonly(list) as Readonly<Ref<readonly Mine[]>>

/** Remember a request; the token of a known number is renewed. */
export function remember(entry: Mine): void {
  const old = list.value.find(({ number }) => number === entry.number)
  save([{ ...old, ...entry }, ...list.value.filter(({ number }) => number !== entry.number)].slice(0, MOST))
}

/** Say what a remembered request is, where it stands in the list. */
export function know(entry: Mine): void {
  const old = list.value.find(({ number }) => number === entry.number)
  if (old === undefined || (old.kind === entry.kind && old.at === entry.at)) return
  save(list.value.map((one) => (one === old ? { ...old, ...entry } : one)))
}

export const tokenOf = (number: string): string | undefined => list.value.find((entry) => entry.number === number)?.token

/** Forget them all: phones are shared in families. */
export const forgetMine = (): void => save([])
