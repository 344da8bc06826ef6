import { computed, ref, shallowRef, type ComputedRef } from 'vue'

/** Chinese is the source; a page's English is loaded when asked for. */
export type Lang = 'zh' | 'en'

type Texts = Readonly<{ [key: string]: string | Texts }>

/** Dotted paths to every text of a catalogue: `'home.title'`. */
export type Path<T> = { [K in keyof T & string]: T[K] extends string ? K : `${K}.${Path<T[K]>}` }[keyof T & string]

export type Values = Readonly<Record<string, string | number>>

const STORED = 'lightkeeper.lang'
const TAG: Readonly<Record<Lang, string>> = { zh: 'zh-CN', en: 'en' }

const current = ref<Lang>('zh')
const loaders: (() => Promise<void>)[] = []

export const lang: ComputedRef<Lang> = computed(() => current.value)

const own = Object.prototype.hasOwnProperty // Object.hasOwn is younger than the phones we serve

function find(texts: Texts, path: string): string | undefined {
  let at: string | Texts | undefined = texts
  for (const step of path.split('.')) at = typeof at === 'object' && own.call(at, step) ? at[step] : undefined
  return typeof at === 'string' ? at : undefined
}

/** Put values into `{name}` placeholders; an unknown placeholder stays visible. `{n|order|orders}` is the word for so many. */
export function fill(text: string, values: Values = {}): string {
  return text.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (hole, name: string, one?: string, many?: string) =>
    one === undefined ? String(values[name] ?? hole) : String(Number(values[name]) === 1 ? one : many),
  )
}

export interface Catalogue<M> {
  /** The text in the current language, reactive. */
  t: (path: Path<M>, values?: Values) => string
  /** The text of a path known only at run time (a server's code), or `undefined`. */
  maybe: (path: string, values?: Values) => string | undefined
}

/** A catalogue: Chinese in the page's bundle, the same keys in English behind `load`. */
export function catalogue<M extends Texts>(zh: M, load: () => Promise<M>): Catalogue<M> {
  const en = shallowRef<M>()
  loaders.push(async () => {
    en.value ??= await load()
  })
  const maybe = (path: string, values?: Values): string | undefined => {
    const text = find(current.value === 'en' && en.value !== undefined ? en.value : zh, path)
    return text === undefined ? undefined : fill(text, values)
  }
  return { maybe, t: (path, values) => maybe(path, values) ?? path }
}

/** Have the texts of the language in use, also those of a page that was loaded after it was chosen. */
export async function loadTexts(): Promise<void> {
  if (current.value === 'en') await Promise.all(loaders.map((load) => load()))
}

/** Change the language of all catalogues on the page, and remember it on this device. */
export async function setLang(next: Lang): Promise<void> {
  if (next === 'en') await Promise.all(loaders.map((load) => load()))
  current.value = next
  document.documentElement.lang = TAG[next]
  try {
    localStorage.setItem(STORED, next)
  } catch {
    // A browser that keeps nothing (private mode, storage full) asks again next time; nothing is lost.
  }
}

/** The language to start with: `?lang=`, then what this device chose, else Chinese — never the browser's. */
export function initialLang(search: string, stored: string | null): Lang {
  const asked = new URLSearchParams(search).get('lang') ?? stored
  return asked === 'en' ? 'en' : 'zh'
}

/** Start the page in its language; call before mounting. */
export async function startLang(): Promise<void> {
  let stored: string | null = null
  try {
    stored = localStorage.getItem(STORED)
  } catch {
    // Storage may be forbidden; the default language is right then.
  }
  const first = initialLang(location.search, stored)
  if (first !== 'zh') await setLang(first)
}
