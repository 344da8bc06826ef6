import type { Outage } from '@/api/contract'

const DAY = 86_400_000
/** Older data gets an amber banner. */
const FRESH = 10 * 60_000

export interface Lists {
  /** Running now, the most households first (few count least). */
  now: Outage[]
  /** Announced, the next first. */
  planned: Outage[]
  /** Over, the latest first; for 24 hours. */
  restored: Outage[]
}

export function sort(items: readonly Outage[], at: Date): Lists {
  const time = (iso: string | null | undefined): number => (iso == null ? 0 : Date.parse(iso))
  const open = items.filter((item) => item.restored_at == null)
  return {
    now: open
      .filter((item) => time(item.started_at) <= at.getTime())
      .sort((a, b) => (b.customers_affected ?? 0) - (a.customers_affected ?? 0)),
    planned: open.filter((item) => time(item.started_at) > at.getTime()).sort((a, b) => time(a.started_at) - time(b.started_at)),
    restored: items
      .filter((item) => item.restored_at != null && at.getTime() - time(item.restored_at) < DAY)
      .sort((a, b) => time(b.restored_at) - time(a.restored_at)),
  }
}

/** Found by area, cause or kind; every word must be in it. */
export function search(items: readonly Outage[], q: string): Outage[] {
  const words = q.trim().toLowerCase().split(/\s+/)
  return items.filter((item) => words.every((word) => `${item.area} ${item.cause ?? ''}`.toLowerCase().includes(word)))
}

export const households = (items: readonly Outage[]): number =>
  items.reduce((sum, item) => sum + (item.customers_affected ?? 0), 0)

export const isStale = (updatedAt: string, at: Date): boolean => at.getTime() - Date.parse(updatedAt) > FRESH
