import type { Moment } from '@/ui/Timeline.vue'
import { word } from '../words'
import type { HistoryRow } from './api'

/** What was done, the newest first, as the timeline shows it. */
export const moments = (rows: readonly HistoryRow[], prefix: 'loan' | 'assurance'): Moment[] =>
  [...rows].reverse().map((one) => ({
    at: one.at,
    title: word(`${prefix}.move.${one.name}`),
    text: one.note ?? undefined,
    by: one.by_name || word(`role.${one.by_role}`),
  }))
