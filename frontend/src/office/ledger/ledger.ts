import type { SlaClock, SlaLevel } from '@/lib/sla'
import type { Gate, NextDue } from './api'

/** What the pages of the ledger make of an issue. Nothing here asks the server. */

/** The views of the list, as the server has them. */
export const VIEWS = ['open', 'overdue', 'signing', 'investigation', 'bypass', 'follow_up', 'cleared'] as const
export type View = (typeof VIEWS)[number]
export const isView = (name: unknown): name is View => VIEWS.some((one) => one === name)

/** What falls due next, as the chip of a clock takes it. */
export const dueClock = ({ at, level }: NextDue): SlaClock => ({ due_at: at, level })

/** What is left to do first, then what is met. */
export const byNeed = (gates: readonly Gate[]): Gate[] => [...gates].sort((a, b) => Number(a.met) - Number(b.met))

/** A state's shape, so that it is not said by colour alone, and its colours. */
export function stateMark(state: string): { icon: string; level: SlaLevel } {
  switch (state) {
    case 'open': return { icon: '○', level: 'soon' }
    case 'handling': return { icon: '◔', level: 'soon' }
    case 'signing': return { icon: '✎', level: 'ok' }
    case 'cleared': return { icon: '✓', level: 'kept' }
    case 'followed_up': return { icon: '✓✓', level: 'kept' }
    default: return { icon: '–', level: 'paused' }
  }
}

/** What a move is part of, for those behind the first few: there may be three dozen. */
const PARTS = {
  handling: ['classify', 'assign', 'contact', 'investigate', 'evidence', 'decide', 'attribute', 'root_cause', 'measure', 'match', 'reply', 'visit', 'four_not_let_go', 'record_violation', 'note_tendency', 'add'],
  clearing: ['sign', 'return_sign', 'clear', 'plan_follow_up', 'follow_up', 'not_solved', 'reopen'],
  oversight: ['open_site_investigation', 'conclude_site_investigation', 'supervise', 'supervision_reply', 'supervision_close'],
  orders: ['link', 'unlink', 'merge', 'unmerge', 'hotline_call', 'flag_bypass'],
  regulator: ['regulator_accepted', 'regulator_extended', 'regulator_closed'],
} as const
export type Part = keyof typeof PARTS | 'other'
export const partOf = (move: string): Part => (Object.keys(PARTS) as (keyof typeof PARTS)[]).find((part) => (PARTS[part] as readonly string[]).includes(move)) ?? 'other'

/** The main move first, then the usual ones, as the server has them; what takes something back or ends it last. */
const LAST = ['unlink', 'merge', 'unmerge', 'terminate', 'return_sign', 'flag_bypass']
export const ranked = <M extends { name: string; primary: boolean; gates_open: readonly string[] }>(moves: readonly M[]): M[] => {
  const rank = ({ name, primary, gates_open }: M): number => (primary ? 0 : LAST.includes(name) ? 3 : gates_open.length > 0 ? 2 : 1)
  return [...moves].sort((a, b) => rank(a) - rank(b))
}
