import type { QueueRow } from './contract'

/** The tiles, with their keys. */
export const TILES = [
  { state: 'overdue', key: '1' },
  { state: 'soon', key: '2' },
  { state: 'undispatched', key: '3' },
  { state: 'open', key: '0' },
] as const

export type TileState = (typeof TILES)[number]['state']

/** What the queue can be narrowed by; all of it stands in the address, so that a view can be passed on. */
export const FILTERS = ['state', 'kind', 'stage', 'office', 'channel', 'chip', 'q', 'from', 'to'] as const
export type Filter = (typeof FILTERS)[number]
export type Filters = Partial<Record<Filter, string>>

/** Filters from the address; unknown and empty ones are left out. */
export function readFilters(query: Readonly<Record<string, unknown>>): Filters {
  const filters: Filters = {}
  for (const name of FILTERS) {
    const value = query[name]
    if (typeof value === 'string' && value !== '') filters[name] = value
  }
  return filters
}

/** With one filter changed; an empty value takes it away. The state `open` is the default and not written. */
export function withFilter(filters: Filters, name: Filter, value: string): Filters {
  const next: Filters = {}
  for (const key of FILTERS) {
    const kept = key === name ? value : filters[key]
    if (kept !== undefined && kept !== '' && !(key === 'state' && kept === 'open')) next[key] = kept
  }
  return next
}

const STILL = ['paused', 'kept', 'broken']

/** Milliseconds since 1970 until which a row has time; what stands still or has no end comes last. */
function due(row: QueueRow): number {
  const { clock } = row
  if (clock === null || clock.due_at === null || STILL.includes(clock.level)) return Number.MAX_SAFE_INTEGER
  return Date.parse(clock.due_at)
}

/** By the time left, the most urgent first; equals by age, then by number, so that rows never jump about. */
export function byTimeLeft(rows: readonly QueueRow[]): QueueRow[] {
  return [...rows].sort(
    (a, b) => due(a) - due(b) || Date.parse(a.occurred_at) - Date.parse(b.occurred_at) || (a.number < b.number ? -1 : 1),
  )
}

export interface Shown {
  rows: QueueRow[]
  /** Orders that came since, waiting behind the bar. */
  news: QueueRow[]
  /** Numbers of rows that no longer belong here; they stay, dimmed, until the list is renewed. */
  gone: ReadonlySet<string>
}

/**
 * Bring what is shown up to date without moving any row: rows change in place, new ones wait, and
 * what left stays where it was.
 */
export function refresh(shown: readonly QueueRow[], fresh: readonly QueueRow[]): Shown {
  const now = new Map(fresh.map((row) => [row.number, row]))
  const known = new Set(shown.map((row) => row.number))
  return {
    rows: shown.map((row) => now.get(row.number) ?? row),
    news: fresh.filter((row) => !known.has(row.number)),
    gone: new Set(shown.filter((row) => !now.has(row.number)).map((row) => row.number)),
  }
}

/** Where the cursor goes when the list changes under it: with its row, else to the row that took its place. */
export function follow(before: readonly QueueRow[], after: readonly QueueRow[], cursor: string | undefined): string | undefined {
  const at = before.findIndex((row) => row.number === cursor)
  if (after.some((row) => row.number === cursor)) return cursor
  const left = new Set(after.map((row) => row.number))
  const next = before.slice(at + 1).find((row) => left.has(row.number))
  return next?.number ?? after[Math.min(Math.max(at, 0), after.length - 1)]?.number
}

/** The numbers between two rows, both included. */
export function between(rows: readonly QueueRow[], a: string, b: string): string[] {
  const i = rows.findIndex((row) => row.number === a)
  const j = rows.findIndex((row) => row.number === b)
  if (i < 0 || j < 0) return [b]
  return rows.slice(Math.min(i, j), Math.max(i, j) + 1).map((row) => row.number)
}

/** When to ask again, in milliseconds: 10 to 15 s, so that a county's browsers do not ask at once. */
export function nextPoll(random = Math.random()): number {
  return 10_000 + Math.round(random * 5000)
}
