/**
 * A clock of an order as the server states it. The server alone decides `level` and `due_at`
 * (working days, pauses, configured limits); the browser only counts towards `due_at`.
 */
export type SlaLevel = 'ok' | 'soon' | 'overdue' | 'late3' | 'paused' | 'done'

export interface SlaClock {
  level: SlaLevel
  /** ISO 8601 with offset; absent while the clock is paused without a date. */
  due_at?: string | null
  /** Who must act before the clock runs again. */
  paused_by?: string | null
  /** When it was met; then `level` is `done`. */
  met_at?: string | null
}

export interface Countdown {
  /** What to show now: a running clock that passed its due time since the last fetch is `overdue`. */
  level: SlaLevel
  /** Milliseconds left (negative: over); for `done`, by how much it was early or late; undefined: unknown. */
  left?: number
}

/** Shape and colour say the same as the words: never colour alone. */
export const SLA_ICON: Readonly<Record<SlaLevel, string>> = {
  ok: '○',
  soon: '◔',
  overdue: '▲',
  late3: '▲▲',
  paused: '‖',
  done: '✓',
}

/** Count from the server's figures to `now`. Never makes a clock look better than the server said. */
export function countdown(clock: SlaClock, now: Date): Countdown {
  const due = clock.due_at == null ? undefined : Date.parse(clock.due_at)
  if (clock.level === 'done') {
    const met = clock.met_at == null ? undefined : Date.parse(clock.met_at)
    return due === undefined || met === undefined ? { level: 'done' } : { level: 'done', left: due - met }
  }
  if (clock.level === 'paused' || due === undefined) return { level: clock.level }
  const left = due - now.getTime()
  const level = left < 0 && (clock.level === 'ok' || clock.level === 'soon') ? 'overdue' : clock.level
  return { level, left }
}
