/** What a citizen can bring, and the questions each asks: one a page. */

export const STEPS = ['topic', 'details', 'where', 'known', 'who', 'check'] as const
export type Step = (typeof STEPS)[number]

export const FLOWS = {
  outage: ['where', 'known', 'who', 'check'],
  fault: ['details', 'where', 'who', 'check'],
  service: ['topic', 'where', 'details', 'who', 'check'],
  enquiry: ['details', 'who', 'check'],
  complaint: ['details', 'who', 'check'],
  grievance: ['details', 'who', 'check'],
  misconduct_report: ['details', 'who', 'check'],
  opinion: ['details', 'who', 'check'],
  suggestion: ['details', 'who', 'check'],
  compliment: ['details', 'who', 'check'],
} as const satisfies Record<string, readonly Step[]>

export type FlowName = keyof typeof FLOWS

/** Behind 投诉或建议. */
export const VOICES = ['complaint', 'grievance', 'misconduct_report', 'opinion', 'suggestion', 'compliment'] as const satisfies readonly FlowName[]

export const isFlow = (name: unknown): name is FlowName => typeof name === 'string' && Object.keys(FLOWS).includes(name)

export const stepsOf = (flow: FlowName): readonly Step[] => FLOWS[flow]

/** Dangers first: they open "call first". */
export const HAZARDS = ['wire_down', 'smoke_fire', 'pole_leaning', 'low_voltage', 'box_damaged', 'other'] as const
export type Hazard = (typeof HAZARDS)[number]
export const DANGEROUS: readonly Hazard[] = ['wire_down', 'smoke_fire', 'pole_leaning']

export const SERVICES = ['reconnect', 'appliance_damage', 'meter_anomaly', 'reading_anomaly', 'fast_charge', 'other'] as const
export type Service = (typeof SERVICES)[number]

export const REPLIES = ['phone', 'text', 'none'] as const
export type Reply = (typeof REPLIES)[number]

/** The server's limits on free text, in UTF-16 units: what `maxlength` counts too. */
export const LONGEST = { text: 1000, wish: 300, place: 120, name: 40, when: 60 } as const
export const MOST_PHOTOS = 3
