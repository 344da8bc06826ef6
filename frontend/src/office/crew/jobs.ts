import type { QueueRow, StaffOrder } from '../contract'

/** What a crew saw last, kept for this tab: it goes where there is no network. */
const LIST = 'lightkeeper.office.crew'
const ONE = 'lightkeeper.office.crew.'

interface Kept<T> {
  at: string
  value: T
}

function keep(name: string, value: unknown): void {
  try {
    sessionStorage.setItem(name, JSON.stringify({ at: new Date().toISOString(), value } satisfies Kept<unknown>))
  } catch {
    // Full: the page works with a network, and says so without one.
  }
}

function kept<T>(name: string): Kept<T> | undefined {
  const text = sessionStorage.getItem(name)
  return text === null ? undefined : (JSON.parse(text) as Kept<T>)
}

export const keepJobs = (rows: QueueRow[]): void => keep(LIST, rows)
export const keptJobs = (): Kept<QueueRow[]> | undefined => kept(LIST)
export const keepJob = (order: StaffOrder): void => keep(ONE + order.number, order)
export const keptJob = (number: string): Kept<StaffOrder> | undefined => kept(ONE + number)

/** The buttons of a crew, in the order of the work. */
export const STEPS = ['receive', 'set_out', 'arrive', 'explain_delay', 'contact', 'restore', 'complete', 'reply'] as const
