import { readNumber } from '@/lib/number'
import { readPhone } from '@/lib/phone'
import type { Facts, Move, Need } from './contract'

/** What a form holds for each need: text, a slug, an id, yes or no, a local time, photos. */
export type Values = Record<string, string | boolean | number | Blob[] | undefined>

const SHANGHAI = '+08:00'

/** `2026-11-22T06:47` as a field has it, from an instant; the office's time is China's. */
export function toField(at: Date): string {
  return new Date(at.getTime() + 8 * 3_600_000).toISOString().slice(0, 16)
}

/** The instant of a field's local time. */
export const fromField = (local: string): string => `${local}:00${SHANGHAI}`

/** The form to begin with: what was suggested, and nothing else. */
export function begin(move: Move, suggested: Facts = {}): Values {
  const values: Values = {}
  for (const { name, form } of move.needs) {
    const given = suggested[name]
    if (form === 'files') values[name] = []
    else if (form === 'instant' && typeof given === 'string') values[name] = toField(new Date(given))
    else if (typeof given === 'string' || typeof given === 'boolean' || typeof given === 'number') values[name] = given
    else values[name] = form === 'flag' ? undefined : ''
  }
  return values
}

const isEmpty = (value: Values[string]): boolean =>
  value === undefined || value === '' || (Array.isArray(value) && value.length === 0) || (typeof value === 'string' && value.trim() === '')

function faultOf(need: Need, value: Values[string]): string | undefined {
  if (isEmpty(value)) return need.required ? 'empty' : undefined
  if (typeof value !== 'string') return undefined
  if (need.form === 'text' && value.length > (need.longest ?? Infinity)) return 'tooLong'
  if (need.form === 'order' && readNumber(value) === undefined) return 'number'
  if (need.name === 'phone' && !readPhone(value).ok) return 'phone'
  return undefined
}

/** What cannot be sent: the need's name and the key of a text. */
export function check(move: Move, values: Values): Record<string, string> {
  const faults: Record<string, string> = {}
  for (const need of move.needs) {
    const fault = faultOf(need, values[need.name])
    if (fault !== undefined) faults[need.name] = fault
  }
  return faults
}

function sent(need: Need, value: Values[string]): unknown {
  if (need.form === 'instant' && typeof value === 'string') return fromField(value)
  if (need.form === 'order' && typeof value === 'string') return readNumber(value) ?? value
  if (need.form === 'score') return Number(value)
  return typeof value === 'string' ? value.trim() : value
}

/** The body of a move: what was filled in, nothing that was not. Photos go as the ids of their uploads. */
export function toData(move: Move, values: Values, files: readonly string[] = []): Facts {
  const data: Facts = {}
  for (const need of move.needs) {
    const value = values[need.name]
    if (need.form === 'files') {
      if (files.length > 0) data[need.name] = files
    } else if (!isEmpty(value)) data[need.name] = sent(need, value)
  }
  return data
}

/** The photos of a form, whatever the need is called. */
export const photosOf = (values: Values): Blob[] => Object.values(values).find((value): value is Blob[] => Array.isArray(value)) ?? []

/** The parent's side of a merger is written by the child's; nobody presses it. */
const UNSEEN = ['absorb', 'release', 'close_with_parent']

/** The moves to offer: the main one first, then those that can be made, then those that wait for something. */
export function offered(moves: readonly Move[]): Move[] {
  const rank = (move: Move): number => (move.primary ? 0 : move.gates_open.length === 0 ? 1 : 2)
  return moves.filter(({ name }) => !UNSEEN.includes(name)).sort((a, b) => rank(a) - rank(b))
}

/** The move that a key stands for, if the order offers it: `d` dispatches in whatever way is open. */
export function moveFor(key: 'dispatch' | 'merge' | 'note', moves: readonly Move[]): Move | undefined {
  const names = key === 'dispatch' ? ['dispatch', 'rule', 'reassign'] : [key]
  for (const name of names) {
    const found = moves.find((move) => move.name === name && move.gates_open.length === 0)
    if (found !== undefined) return found
  }
  return undefined
}
