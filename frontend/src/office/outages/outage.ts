import { eachItem, lineTree, type LineEdge, type LineNode } from '../line'
import type { SlaLevel } from '@/lib/sla'
import type { FiveMinutes, OutageRow, RoundRow } from './api'

/** What the board and the page make of an outage. Nothing here asks the server. */

/** The board's four lists. */
export const VIEWS = ['suspected', 'open', 'planned', 'recent'] as const
export type View = (typeof VIEWS)[number]

/** Known by reports alone: somebody has to look. */
export const isSuspected = ({ state, human }: Pick<OutageRow, 'state' | 'human'>): boolean =>
  human === null && (state === 'suspected' || state === 'probable')

export const isOver = ({ state }: Pick<OutageRow, 'state'>): boolean => ['restored', 'finished', 'cancelled', 'absorbed', 'momentary'].includes(state)

/** The lists, the most urgent first: by households without power; plans by when they begin. */
export function views(open: readonly OutageRow[], planned: readonly OutageRow[], recent: readonly OutageRow[]): Record<View, OutageRow[]> {
  const most = (a: OutageRow, b: OutageRow): number => b.vulnerable - a.vulnerable || b.dark_households - a.dark_households || (a.id < b.id ? -1 : 1)
  const hurry = (row: OutageRow): number => Math.min(...row.clocks.filter(({ stopped }) => !stopped).map(({ due_at }) => Date.parse(due_at)), Number.MAX_SAFE_INTEGER)
  const soon = (a: OutageRow, b: OutageRow): number => hurry(a) - hurry(b) || most(a, b)
  const when = (row: OutageRow): number => Date.parse(row.planned_start ?? row.recorded_at)
  return {
    suspected: open.filter(isSuspected).sort(most),
    open: open.filter((row) => !isSuspected(row)).sort(soon),
    planned: [...planned].sort((a, b) => when(a) - when(b) || (a.id < b.id ? -1 : 1)),
    recent: [...recent],
  }
}

export interface Five {
  level: SlaLevel
  /** Seconds left, or over where negative; of a stopped one how long it took. */
  seconds: number
}

const RED = 60

/** One of the five-minute clocks now. The server decides what is missed; the page only counts on. */
export function five(clock: FiveMinutes, now: Date): Five {
  if (clock.stopped) return { level: clock.state === 'missed' ? 'broken' : 'kept', seconds: clock.seconds }
  const left = Math.floor((Date.parse(clock.due_at) - now.getTime()) / 1000)
  const over = left < 0 || clock.state === 'missed'
  return { level: over ? 'overdue' : left <= RED ? 'soon' : 'ok', seconds: over ? Math.min(left, 0) : left }
}

/** `4:05`, `1:02:03`: of clocks of minutes every second counts. */
export function minutesSeconds(seconds: number): string {
  const whole = Math.abs(Math.trunc(seconds))
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const two = (n: number): string => String(n).padStart(2, '0')
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`
}

/** How many a round concerns: a settled round has let go of whom it told, and keeps the counts. */
export const roundTotal = ({ total, counts }: Pick<RoundRow, 'total' | 'counts'>): number =>
  Math.max(total, Object.values(counts).reduce((sum, n) => sum + n, 0))

/** Those to show first: what runs, then what was missed; what was met only where all are wanted. */
export function shownClocks(clocks: readonly FiveMinutes[], all: boolean): FiveMinutes[] {
  const rank = (clock: FiveMinutes): number => (clock.stopped ? (clock.state === 'missed' ? 1 : 2) : 0)
  return clocks
    .filter((clock) => all || !clock.stopped || clock.state === 'missed')
    .sort((a, b) => rank(a) - rank(b) || Date.parse(a.due_at) - Date.parse(b.due_at))
}

const OFTEN = ['set_etr', 'crew', 'set_cause', 'restore_part', 'restore', 'finish']
const LAST = ['deny', 'cancel', 'shrink', 'still_dark', 'absorb', 'send_back']

/** The main move first, as the server has it; what takes an outage back last, but for a suspicion, where it is the other answer. */
export function ranked<M extends { name: string; primary: boolean }>(moves: readonly M[], outage: Pick<OutageRow, 'state' | 'human'>): M[] {
  const rank = ({ name, primary }: M): number => (primary ? 0 : name === 'deny' && isSuspected(outage) ? 1 : OFTEN.includes(name) ? 2 : LAST.includes(name) ? 4 : 3)
  return [...moves].sort((a, b) => rank(a) - rank(b))
}

/** A state's shape, so that it is not said by colour alone, and its colours. */
export function stateMark(state: string): { icon: string; level: SlaLevel } {
  switch (state) {
    case 'suspected': return { icon: '?', level: 'soon' }
    case 'probable': return { icon: '◔', level: 'soon' }
    case 'confirmed':
    case 'under_way': return { icon: '▲', level: 'overdue' }
    case 'partially_restored': return { icon: '◐', level: 'soon' }
    case 'restored':
    case 'finished': return { icon: '✓', level: 'ok' }
    case 'announced':
    case 'approved': return { icon: '▣', level: 'paused' }
    default: return { icon: '○', level: 'kept' }
  }
}

/**
 * The dark transformers behind an outage's devices, to be ticked when they are back; all dark ones of a feeder that none
 * of its devices stands on.
 */
export function darkTransformers(
  diagrams: readonly { nodes: readonly LineNode[]; edges: readonly LineEdge[] }[], devices: readonly string[],
): { code: string; text: string }[] {
  return diagrams.flatMap(({ nodes, edges }) => {
    const roots = lineTree(nodes, edges)
    const own = [...eachItem(roots)].filter(({ device }) => devices.includes(device))
    const dark = [...eachItem(own.length > 0 ? own : roots)].filter(({ kind, isDark, state }) => kind === 'transformer' && (isDark || state === 'fault'))
    return [...new Map(dark.map(({ device, name }) => [device, { code: device, text: name }])).values()]
  })
}
