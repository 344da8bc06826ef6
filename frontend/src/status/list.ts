import type { Outage } from '@/api/contract'

const DAY = 86_400_000
/** Older data gets an amber banner. */
const FRESH = 10 * 60_000

export interface Lists {
  /** Running now, the most households first (few count least). */
  now: Outage[]
  /** Announced, the next first; those that were called off among them for a day. */
  planned: Outage[]
  /** Over, the latest first; for 24 hours. */
  restored: Outage[]
}

export function sort(items: readonly Outage[], at: Date): Lists {
  const time = (iso: string | null | undefined): number => (iso == null ? 0 : Date.parse(iso))
  return {
    now: items
      .filter((item) => item.state === 'running')
      .sort((a, b) => (b.customers_affected ?? 0) - (a.customers_affected ?? 0)),
    planned: items
      .filter((item) => item.state === 'planned' || item.state === 'cancelled')
      .sort((a, b) => time(a.started_at) - time(b.started_at)),
    restored: items
      .filter((item) => item.restored_at != null && at.getTime() - time(item.restored_at) < DAY)
      .sort((a, b) => time(b.restored_at) - time(a.restored_at)),
  }
}

/** Everything by which people name a place. */
const named = (item: Outage): string => [item.area, ...item.areas, ...item.townships, ...item.lines].join(' ').toLowerCase()

/** Found by area, township, line or cause; every word must be in it. */
export function search(items: readonly Outage[], q: string): Outage[] {
  const words = q.trim().toLowerCase().split(/\s+/)
  return items.filter((item) => words.every((word) => `${named(item)} ${item.cause ?? ''}`.toLowerCase().includes(word)))
}

/** Those of a place: every word of it must be in the names, what else is said does not count. */
export function near(items: readonly Outage[], area: string): Outage[] {
  const words = area.trim().toLowerCase().split(/\s+/).filter((word) => word !== '')
  return words.length === 0 ? [] : items.filter((item) => words.every((word) => named(item).includes(word)))
}

export const households = (items: readonly Outage[]): number =>
  items.reduce((sum, item) => sum + (item.customers_affected ?? 0), 0)

export const isStale = (updatedAt: string, at: Date): boolean => at.getTime() - Date.parse(updatedAt) > FRESH
