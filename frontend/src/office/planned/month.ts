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

/** The weeks of a month, Monday first: its days, and '' before the first and after the last. */
export function weeksOf(month: string): string[][] {
  const { from, to } = daysOf(month)
  const last = Number(to.slice(8))
  const lead = (new Date(`${from}T00:00:00Z`).getUTCDay() + 6) % 7
  const cells = [...Array<string>(lead).fill(''), ...Array.from({ length: last }, (_, day) => `${month}-${String(day + 1).padStart(2, '0')}`)]
  while (cells.length % 7 !== 0) cells.push('')
  return Array.from({ length: cells.length / 7 }, (_, week) => cells.slice(week * 7, week * 7 + 7))
}

/** Why a day is spared; empty where it is not. */
export const sparedOn = (day: string, spared: readonly { name: string; first: string; last: string }[]): string =>
  spared.filter(({ first, last }) => first <= day && day <= last).map(({ name }) => name).join(' ')
