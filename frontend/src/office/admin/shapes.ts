/** What the administration's addresses take and give. */
export interface OfficeRecord {
  id: string
  name: string
  level: string
  parent: string
  path: string[]
  terrain: string
  phone: string
  hours: string
  active: boolean
  version: number
}

export interface StaffRecord {
  id: string
  name: string
  role: string
  office: string
  phone_masked: string
  active: boolean
  version: number
}

export interface DutyList {
  entries: { staff_id: string; staff_name: string; phone_masked: string; from: string; to: string }[]
  version: number
}

export interface KeyRecord {
  id: string
  name: string
  office: string
  scopes: string[]
  channel: string
  created_at: string
  last4: string
  revoked_at: string | null
  version: number
}

export interface HookRecord {
  id: string
  url: string
  office: string
  active: boolean
  version: number
}

export interface HookTested {
  outcome: 'delivered' | 'busy' | 'failed'
  status: number | null
  reason: string
}

/** One version of a limit. */
export interface LimitVersion {
  id: string
  amount: string
  unit: string
  basis: string
  effective_from: string
  source: string
  /** The rule set or the office that states it. */
  origin: string
  is_override: boolean
  assumed: boolean
  enabled: boolean
  note: string
  warnings: { code: string; detail: string }[]
}

export interface LimitRecord extends LimitVersion {
  shipped: LimitVersion[]
  overrides: LimitVersion[]
}

export interface CalendarYear {
  year: number
  source: string
  provisional: boolean
  origin: 'shipped' | 'loaded' | 'none'
  holidays: number
  make_up_days: number
  version: number
}

/** What a new table or limit moves: the first of `count`. */
export interface Replanned {
  moves: { number: string; was: string | null; will: string | null }[]
  count: number
  done: boolean
}

export interface BadCell {
  line: number
  column: string
  code: string
  detail: string
}

export interface Imported {
  id: string
  kind: string
  rows: number
  ok: number
  bad_rows: number
  bad: BadCell[]
  difference: { add: number; change: number; same: number; gone: number }
  sample: Record<string, string>[]
}

export interface Applied {
  applied: number
  skipped: number
  refused: BadCell[]
  next: number | null
}

export interface DaysVerified {
  ok: boolean
  orders: number
  events: number
  hours: number
  /** Whether seals could be checked at all. */
  seal_key: boolean
  unsealed: string[]
  bad: { aggregate: string; seq: number; why: string }[]
  cursor: string | null
}

export interface Seal {
  hour: string
  id: string
  events: number | null
  /** Null where no key is there to check it with. */
  ok: boolean | null
  why: string
}
