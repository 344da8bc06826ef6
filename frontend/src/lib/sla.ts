/**
 * A clock of an order as the server states it. The server alone decides `level` and `due_at`
 * (working days, pauses, configured limits); the browser only counts towards `due_at`.
 */
export type SlaLevel = 'ok' | 'soon' | 'overdue' | 'late3' | 'paused' | 'kept' | 'broken'

export interface SlaClock {
  level: SlaLevel
  /** ISO 8601; null while nobody can say. */
  due_at: string | null
  stopped_at?: string | null
  /** Who must act before the clock runs again. */
  paused_by?: string | null
}

export interface Countdown {
  /** What to show now: a running clock that passed its due time since the last fetch is `overdue`. */
  level: SlaLevel
  /** Milliseconds left (negative: over); once stopped, by how much it was early or late; undefined: unknown. */
  left?: number
}

/** Shape and words say the same as the colour: never colour alone. */
export const SLA_ICON: Readonly<Record<SlaLevel, string>> = {
  ok: '○',
  soon: '◔',
  overdue: '▲',
  late3: '▲▲',
  paused: '‖',
  kept: '✓',
  broken: '✓',
}

const STOPPED: readonly SlaLevel[] = ['kept', 'broken']

/** Count from the server's figures to `now`. Never makes a clock look better than the server said. */
export function countdown(clock: SlaClock, now: Date): Countdown {
  const { level } = clock
  if (clock.due_at === null || level === 'paused') return { level }
  const until = STOPPED.includes(level) ? clock.stopped_at : now.toISOString()
  if (until == null) return { level }
  const left = Date.parse(clock.due_at) - Date.parse(until)
  return { level: left < 0 && (level === 'ok' || level === 'soon') ? 'overdue' : level, left }
}
