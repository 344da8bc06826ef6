import type { NewOrder } from '@/api/contract'

/** What a citizen can bring, and the questions that each asks: one a page. Codes are the server's. */

export type Step = 'topic' | 'details' | 'wish' | 'where' | 'known' | 'who' | 'check'

export const FLOWS = {
  outage: ['where', 'known', 'who', 'check'],
  fault: ['details', 'where', 'who', 'check'],
  service: ['topic', 'where', 'details', 'who', 'check'],
  enquiry: ['details', 'who', 'check'],
  complaint: ['details', 'wish', 'where', 'who', 'check'],
  grievance: ['details', 'wish', 'where', 'who', 'check'],
  misconduct_report: ['topic', 'details', 'who', 'check'],
  opinion: ['details', 'who', 'check'],
  suggestion: ['details', 'who', 'check'],
  compliment: ['details', 'who', 'check'],
} as const satisfies Record<string, readonly Step[]>

export type FlowName = keyof typeof FLOWS

/** Behind 投诉或建议. */
export const VOICES = [
  'complaint',
  'grievance',
  'misconduct_report',
  'opinion',
  'suggestion',
  'compliment',
] as const satisfies readonly FlowName[]

export const isVoice = (flow: FlowName): boolean => (VOICES as readonly FlowName[]).includes(flow)
export const isFlow = (name: unknown): name is FlowName => typeof name === 'string' && Object.keys(FLOWS).includes(name)
export const stepsOf = (flow: FlowName): readonly Step[] => FLOWS[flow]

/** Kind of the order that a flow opens. */
export function kindOf(flow: FlowName): NewOrder['kind'] {
  if (flow === 'outage') return 'fault'
  return flow === 'service' ? 'service_request' : flow
}

/** Power and danger need a place; for the others it only speeds things up. */
export const placeNeeded = (flow: FlowName): boolean => flow === 'outage' || flow === 'fault' || flow === 'service'
export const mayBeAnonymous = isVoice

/** Dangers first: the first three open "call first". */
export const SYMPTOMS = ['wire_down', 'smoke_or_sparks', 'pole_leaning', 'low_voltage', 'flicker', 'meter_box', 'other'] as const
export const DANGERS: readonly string[] = ['wire_down', 'smoke_or_sparks', 'pole_leaning']
export const SUB_TYPES = [
  'arrears_reconnect',
  'meter_abnormal',
  'reading_abnormal',
  'appliance_damage',
  'ev_fast_charging',
  'other',
] as const
export const THEMES = ['conduct', 'power_theft', 'contract_breach', 'damage_to_equipment'] as const
export const TOPICS = ['bill_and_price', 'payment', 'meter', 'connection', 'outage', 'ev_charging', 'solar', 'other'] as const
export const CATEGORIES = ['service', 'business', 'outage_and_restoration', 'supply_quality', 'grid_construction'] as const
export const REPLIES = ['phone', 'text', 'none'] as const

/**
 * The longest texts, in UTF-16 units (what `maxlength` counts too). Text, time and the answers about neighbours
 * and meter together fit the server's 1000 for a description, so nothing is ever cut.
 */
export const LONGEST = { text: 800, wish: 800, address: 120, name: 40, short: 50, account: 20 } as const
export const MOST_PHOTOS = 3
