import type { Move, Procedure, QueueRow, StaffOrder } from '../contract'

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

/** The crew has replied: the desk and the return visitor go on. */
export const HANDED: readonly string[] = ['replied', 'return_visit', 'final_ruling']

/** The buttons of a crew, in the order of the work. */
export const STEPS = ['receive', 'set_out', 'arrive', 'explain_delay', 'contact', 'restore', 'complete', 'reply'] as const

const NOTED = 'lightkeeper.office.noted.'

/** Steps of an order that this crew noted and the server has not heard of. */
export const keepNoted = (number: string, moves: string[]): void => keep(NOTED + number, moves)
export const keptNoted = (number: string): string[] => kept<string[]>(NOTED + number)?.value ?? []

/**
 * What a crew can do after steps that wait for the network, by the procedure's own table. The server
 * decides when it hears of them; steps with gates wait for it.
 */
export function after(order: StaffOrder, noted: readonly string[], role: string, procedure: Procedure | undefined): Move[] {
  if (noted.length === 0 || procedure === undefined) return order.moves.filter(({ name }) => !noted.includes(name))
  let { stage } = order
  for (const name of noted) stage = procedure.moves.find((move) => move.name === name)?.edges[stage] ?? stage
  return procedure.moves
    .filter((move) => move.edges[stage] !== undefined && move.who.includes(role) && move.gates.length === 0 && !noted.includes(move.name))
    .map(({ name, needs }) => ({ name, label: '', needs, gates_open: [], primary: false }))
}
