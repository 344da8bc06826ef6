import type { components } from '@/api/schema'

export type IndexTable = components['schemas']['IndexTable']
export type IndexRow = components['schemas']['IndexRow']

/** What the page asks for, as its form holds it. */
export interface Wanted {
  from: string
  to: string
  by: string
  base: string
  /** Minutes; empty for what the limits say. */
  momentary: string
  cemi: string
  exclude: string[]
  /** Days left out, as they were typed. */
  without: string
}

export type Figure = 'saifi' | 'saidi_minutes' | 'caidi_minutes' | 'aihc_hours' | 'asai' | 'maifi' | 'cemi' | 'rs1' | 'rs3'

/** Columns: counting transformers there are no minutes a customer, and hours a household otherwise are the same figure again. */
export function columns(base: string): readonly Figure[] {
  return base === 'transformers' ? ['saifi', 'aihc_hours', 'maifi', 'cemi', 'rs1', 'rs3'] : ['saifi', 'saidi_minutes', 'caidi_minutes', 'asai', 'maifi', 'cemi', 'rs1', 'rs3']
}

const SHARES: readonly Figure[] = ['asai', 'cemi', 'rs1', 'rs3']
const DIGITS = { asai: 4, rs1: 4, rs3: 4, cemi: 2, saifi: 3, maifi: 3, aihc_hours: 2, saidi_minutes: 1, caidi_minutes: 1 } as const

/** A figure as people read it: shares in per cent; what has no denominator is a dash, never 100 %. */
export function shown(figure: Figure, value: number | null): string {
  if (value === null) return '—'
  return SHARES.includes(figure) ? `${(value * 100).toFixed(DIGITS[figure])}%` : value.toFixed(DIGITS[figure])
}

/** What the server is asked: nothing of what stands as it would anyway. */
export function query(wanted: Wanted): Record<string, string> {
  const asked: Record<string, string> = {
    from: wanted.from,
    to: wanted.to,
    by: wanted.by,
    base: wanted.base,
    momentary_minutes: wanted.momentary.trim(),
    cemi: wanted.cemi.trim(),
    exclude: wanted.exclude.join(','),
    without: wanted.without.split(/[\s,，、;；]+/).filter(Boolean).join(','),
  }
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== ''))
}

const one = (value: unknown): string => (typeof value === 'string' ? value : '')

/** What an address asked for; the month until today where it names no days. */
export function wantedBy(address: Record<string, unknown>, today: string): Wanted {
  return {
    from: one(address['from']) || `${today.slice(0, 8)}01`,
    to: one(address['to']) || today,
    by: one(address['by']) || 'office',
    base: one(address['base']) || 'customers',
    momentary: one(address['momentary_minutes']),
    cemi: one(address['cemi']) || '3',
    exclude: one(address['exclude']).split(',').filter(Boolean),
    without: one(address['without']).replaceAll(',', ' '),
  }
}

/** The server's words for a cause: of a category, or of one of its causes. */
export const causeKey = (key: string): string => `outage.cause.${key === '' ? 'unknown' : key}`
