/** A month of the calendar, in China's time: `2026-12`. */
export const monthOf = (at: Date): string => new Date(at.getTime() + 8 * 3_600_000).toISOString().slice(0, 7)

export const isMonth = (text: unknown): text is string => typeof text === 'string' && /^\d{4}-(0[1-9]|1[0-2])$/.test(text)

/** The month `by` months later. */
export function later(month: string, by: number): string {
  const [year = 0, number = 1] = month.split('-').map(Number)
  return new Date(Date.UTC(year, number - 1 + by, 1)).toISOString().slice(0, 7)
}

/** Its first and its last day. */
export function daysOf(month: string): { from: string; to: string } {
  const next = new Date(`${later(month, 1)}-01T00:00:00Z`)
  return { from: `${month}-01`, to: new Date(next.getTime() - 86_400_000).toISOString().slice(0, 10) }
}

/** The local day of an instant: `2026-12-02`. */
export const dayOf = (iso: string): string => new Date(Date.parse(iso) + 8 * 3_600_000).toISOString().slice(0, 10)

/** Rows by the day on which they begin, in the order of the days. */
export function byDay<Row extends { planned_start: string | null }>(rows: readonly Row[]): { day: string; rows: Row[] }[] {
  const found = new Map<string, Row[]>()
  for (const row of rows) {
    const day = row.planned_start === null ? '' : dayOf(row.planned_start)
    found.set(day, [...(found.get(day) ?? []), row])
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([day, some]) => ({ day, rows: some }))
}
