import { lang } from '@/i18n'
import { showNumber } from '@/lib/number'
import { clockTime, formatFull } from '@/lib/time'
import type { Moment } from '@/ui/Timeline.vue'
import type { Delivery, Facts, StaffMoment, Supervision } from './contract'
import { officeName, staffName } from './offices'
import { mark } from './marks'
import { maybe, t } from './texts'
import { clockWord, maybeWord, word } from './words'

/** A ledger's events in words. */
/** An instant in a ledger's event is milliseconds since 1970; nothing that is counted comes near. */
const YEAR_2001 = 1e12

const SILENT = ['late', 'training', 'tells', 'follow', 'recorded_for', 'ledger']
const PEOPLE = ['staff', 'owner', 'interviewee', 'investigator', 'person', 'handler']

/** A label of a form may say how to fill it in: 月份（如 2026-11）. */
const HINT = /（如[^）]*）| \(such as [^)]*\)/
export const bare = (label: string): string => label.replace(HINT, '')

/** How one kind of ledger says some of its facts: a name of their own, the value in words; null says nothing. */
export type Own = Readonly<Record<string, { label: string; text?: (given: unknown) => string } | null>>

function value(name: string, given: unknown): string {
  if (typeof given === 'boolean') return t(given ? 'yes' : 'no')
  if (name === 'office' && typeof given === 'string') return officeName(given)
  if (name === 'rungs' && Array.isArray(given)) {
    return given
      .map((rung) => (Array.isArray(rung) ? `${clockWord(String(rung[0]))}${mark('：')}${word(`rung.${String(rung[1])}`)}` : ''))
      .join(mark('；'))
  }
  if (PEOPLE.includes(name) && typeof given === 'string') return staffName(given)
  if (Array.isArray(given)) {
    const known = given.map((one) => maybeWord(`choice.${name}.${String(one)}`))
    return known.length > 0 && known.every((one) => one !== undefined) ? known.join(mark('、')) : String(given.length)
  }
  if (typeof given === 'number' && given > YEAR_2001) return formatFull(new Date(given), lang.value)
  const text = String(given)
  if (/^\d{16}$/.test(text)) return showNumber(text)
  if (/^\d{4}-\d\d-\d\dT/.test(text)) return formatFull(new Date(text), lang.value)
  return maybeWord(`choice.${name}.${text}`) ?? maybeWord(`kind.${text}`) ?? text
}

function maybeLabel(name: string): string | undefined {
  const label = maybeWord(`need.${name}`)
  return label === undefined ? undefined : bare(label)
}

/** Coded answers as pairs of label and value. */
export function pairs(data: Facts, own: Own = {}): { label: string; text: string }[] {
  return Object.entries(data)
    .filter(([name, given]) => !SILENT.includes(name) && own[name] !== null && given !== null && given !== '' && typeof given !== 'undefined')
    .filter(([, given]) => typeof given !== 'object' || Array.isArray(given))
    .map(([name, given]) => ({
      label: own[name]?.label ?? maybeLabel(name) ?? maybe(`order.fact.${name}`) ?? (name === 'rungs' ? '' : name),
      text: own[name]?.text?.(given) ?? value(name, given),
    }))
}

/** The same in one line. */
export const line = (data: Facts, own?: Own): string =>
  pairs(data, own)
    .map(({ label, text }) => (label === '' ? text : `${label}${mark('：')}${text}`))
    .join(mark('；'))

/** One event for the timeline: what, with which answers, by whom, and when it was written down if later. */
export function moment(one: StaffMoment): Moment {
  const who = [one.by.name || word(`role.${one.by.role}`), one.by.office_name].filter((part) => part !== '')
  if (one.late) who.push(t('order.recordedLater', { when: clockTime(new Date(one.recorded_at), lang.value) }))
  return {
    at: one.at,
    title: word(`move.${one.event}`),
    text: [line(one.data), ...Object.values(one.words ?? {})].filter((part) => part !== '').join('\n') || undefined,
    by: who.join(' · '),
    kind: one.event === 'timer' ? 'bad' : 'past',
  }
}

/** What was to be told: the text's name, or the alert with its clock and rung (`5.alert.arrive.due`). */
export function told({ kind, effect }: Pick<Delivery, 'kind' | 'effect'>): string {
  if (kind === 'text') return word(`template.${effect}`)
  const [, , clock = '', rung = ''] = effect.split('.')
  return word(`effect.${kind}`, { clock: clockWord(clock), rung: word(`rung.${rung}`) })
}

/** Why somebody was not reached; a gateway's own code stands as it came. */
export const undelivered = (reason: string): string => maybeWord(`undelivered.${reason}`) ?? reason

/** What became of it. */
export function outcome({ status, reason }: Pick<Delivery, 'status' | 'reason'>): string {
  const end = word(`delivery.${status}`)
  return reason === null ? end : t('order.because', { end, why: undelivered(reason) })
}

/** Who was asked by whom, until when, and whether it was answered. */
export function supervision(one: Supervision): string {
  const due = one.due_at === null ? t('none') : formatFull(new Date(one.due_at), lang.value)
  return t('order.supervised', { by: one.by_name || one.by, owner: one.owner_name || one.owner, due, state: word(`supervision.${one.state}`) })
}
