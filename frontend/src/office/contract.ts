import type { Clock, PublicOrder } from '@/api/contract'

/** The shapes of our HTTP interface that the office uses. */
export type { Clock, PublicConfig, PublicOrder } from '@/api/contract'

export interface Page<Row> {
  items: Row[]
  cursor: string | null
}

export interface Me {
  staff_id: string
  name: string
  role: string
  office: { id: string; name: string; level: string; path: string[] }
  capabilities: { capability: string; relations: string[] }[]
  duty: boolean
}

export interface QueueRow {
  number: string
  kind: string
  sub_type: string
  stage: string
  channel: string
  case_no: string
  county: string
  office: string
  office_name: string
  assignee: string
  assignee_name: string
  occurred_at: string
  next_due_at: string | null
  /** The nearest one that runs. */
  clock: Clock | null
  /** Slugs; some end in a count: `bounced_2`. */
  chips: string[]
  summary: string
  place_name: string
  phone_masked: string
  version: number
  children: number
}

export type Form = 'choice' | 'text' | 'office' | 'staff' | 'instant' | 'flag' | 'code' | 'order' | 'files' | 'score'

export interface Need {
  name: string
  form: Form
  required: boolean
  choices: string[]
  /** In UTF-16 units, for text. */
  longest: number | null
}

export interface Move {
  name: string
  label: string
  needs: Need[]
  /** What still stands in its way. */
  gates_open: string[]
  primary: boolean
}

export type Facts = Record<string, unknown>

export interface Advice {
  text_slug: string
  reason_slug: string
  facts: Facts
  move: string | null
  data: Facts | null
}

export interface StaffMoment {
  seq: number
  event: string
  at: string
  recorded_at: string
  late: boolean
  by: { role: string; id: string; name: string; office_name: string }
  data: Facts
  words: Record<string, string> | null
  public: boolean
}

export interface KeptFile {
  id: string
  kind: string
  at: string
  url: string
}

export interface Delivery {
  effect: string
  kind: string
  status: string
  at: string
  reason?: string | null
}

export interface Supervision {
  id: string
  owner: string
  by: string
  due_at: string | null
  state: string
}

export interface StaffOrder extends Omit<QueueRow, 'children'> {
  /** Numbers of the orders merged into this one. */
  children: string[]
  recorded_at: string
  closed_at: string | null
  clocks: Clock[]
  facts: Facts
  timeline: StaffMoment[]
  /** 群众看到的. */
  public: Omit<PublicOrder, 'timeline'> & { timeline: (PublicOrder['timeline'][number] & { facts?: Record<string, string> })[] }
  contact: {
    phone_masked: string
    name_masked: string
    address_masked: string
    special_need: boolean
    reply_wish: string
  }
  words: Record<string, string>
  moves: Move[]
  advice: Advice[]
  /** What the main move will send. */
  next_text: { template: string; body: string; parts: number } | null
  files: KeptFile[]
  deliveries: Delivery[]
  parent: string | null
  supervisions: Supervision[]
}

export interface QueueAnswer extends Page<QueueRow> {
  counts: { overdue: number; soon: number; undispatched: number; all: number; by_stage: Record<string, number>; capped?: boolean }
  sentence: { overdue: number; soon: number; undispatched: number; oldest_minutes: number }
  as_of: string
}

export interface LedgerRow {
  seq: number
  name: string
  occurred_at: string
  recorded_at: string
  by: { role: string; id: string; name?: string }
  changes: Facts
  data: Facts
  tells: string[]
  digest: string
  prev: string
  hash: string
}

export interface Verified {
  ok: boolean
  events: number
  first_bad: { seq: number; why: string } | null
}

export interface Contact {
  phone: string
  name: string
  address: string
  account_no: string
}

export interface Caller {
  orders: QueueRow[]
  customer: {
    name_masked: string
    address_masked: string
    account_no: string
    transformer: string
    /** Its code. */
    place: string
    flags: string[]
  } | null
}

export interface OfficeRow {
  id: string
  name: string
  level: string
  parent: string
  path: string[]
  terrain: string
  phone: string
  hours: string
  active: boolean
}

/** Somebody who works at an office, as dispatch shows them. */
export interface Colleague {
  id: string
  name: string
  role: string
  active: boolean
  open_orders: number
  duty: boolean
}

export interface Call {
  id: string
  number: string
  kind: string
  /** The text that did not arrive. */
  effect: string
  since: string
  reason: string
  phone_masked: string
  county: string
}

/** One kind of order as data. */
export interface Procedure {
  kind: string
  stages: string[]
  sub_types: string[]
  intake: Need[]
  moves: { name: string; edges: Record<string, string>; who: string[]; needs: Need[]; gates: string[] }[]
}

/** A text that a deployment would have sent; only the local platform keeps them. */
export interface KeptText {
  to: string
  at: string
  parts: number
  body: string
}

export interface BulkResult {
  number: string
  ok: boolean
  problem?: { title: string; detail?: string } | null
}
