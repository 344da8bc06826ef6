import { shallowRef, watch } from 'vue'
import { fill, lang, type Lang, type Values } from '@/i18n'
import type { NewOrder } from '@/api/contract'
import { getWords } from './api'

/**
 * The labels that the server owns: stages, moves, kinds, choices, gates, roles. They come from
 * /meta/words, so that page and server cannot disagree. Kept for the tab, to open without a network.
 */
type Book = Readonly<Record<string, string>>

const books = shallowRef<Partial<Record<Lang, Book>>>({})
const kept = (language: Lang): string => `lightkeeper.office.words.${language}`

async function load(language: Lang): Promise<void> {
  if (books.value[language] !== undefined) return
  let book: Book
  try {
    book = await getWords(language)
    sessionStorage.setItem(kept(language), JSON.stringify(book))
  } catch (error) {
    const last = sessionStorage.getItem(kept(language))
    if (last === null) throw error
    book = JSON.parse(last) as Book
  }
  books.value = { ...books.value, [language]: book }
}

/** Load the words of the page's language, now and whenever it changes. */
export async function startWords(): Promise<void> {
  watch(lang, (next) => {
    void load(next).catch(() => undefined) // the words of the other language stay; slugs never show
  })
  await load(lang.value)
}

const book = (): Book => books.value[lang.value] ?? books.value.zh ?? books.value.en ?? {}

/** The label of a slug, `undefined` if the server has none. */
export function maybeWord(key: string, facts?: Values): string | undefined {
  const text = book()[key]
  return text === undefined ? undefined : fill(text, facts)
}

/** The label of a slug; an unknown one shows its last part, so that nothing is hidden. */
export function word(key: string, facts?: Values): string {
  return maybeWord(key, facts) ?? key.split('.').pop() ?? key
}

/** The slugs under a prefix, in the server's order: `slugs('channel')` is app, phone, … */
export function slugs(prefix: string): string[] {
  const from = `${prefix}.`
  return Object.keys(book())
    .filter((key) => key.startsWith(from))
    .map((key) => key.slice(from.length))
    .filter((rest) => !rest.includes('.'))
}

/** Kinds of orders; papers around the ledger have kinds too, in the same book. */
export const KINDS = ['fault', 'enquiry', 'service_request', 'complaint', 'grievance', 'misconduct_report', 'opinion', 'suggestion', 'compliment'] as const satisfies readonly NewOrder['kind'][]

/** Stages of orders, in the order in which they come. */
export const STAGES = ['accepted', 'dispatched', 'received', 'on_site', 'in_progress', 'replied', 'return_visit', 'final_ruling', 'merged', 'archived', 'withdrawn', 'terminated'] as const

/** Channels by which a person or a platform brings orders; those that we open ourselves are not among them. */
export const channels = (): string[] => slugs('channel').filter((each) => each !== 'outage' && each !== 'network_watch')

/** The label of a clock; a supervision's carries its number, `supervision:7`. */
export const clockWord = (name: string): string => word(`clock.${name.split(':')[0] ?? name}`)

/** The label of a round of an outage's notices; a clock's carries its number, `start.1`. */
export const roundWord = (name: string): string => word(`outage.round.${name.split('.')[0] ?? name}`)

/** Chips that count carry their count at the end: `bounced_2` is 退单 2 次. */
export function chipWord(chip: string): string {
  const counted = /^(.+)_(\d+)$/.exec(chip)
  const whole = maybeWord(`chip.${chip}`)
  if (whole !== undefined || counted === null) return whole ?? word(`chip.${chip}`)
  return word(`chip.${counted[1] ?? ''}`, { n: counted[2] ?? '' })
}
