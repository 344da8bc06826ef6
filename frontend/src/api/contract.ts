/** The shapes of our HTTP interface that these pages use. */

export type Level = 'ok' | 'soon' | 'overdue' | 'late3' | 'paused' | 'kept' | 'broken'

export interface Clock {
  name: string
  limit: string
  whose: string
  due_at: string | null
  level: Level
  started_at: string
  stopped_at: string | null
  paused_by: 'customer' | null
  promise: boolean
  /** Its due time crosses into a year whose calendar is not published yet. */
  provisional: boolean
  elapsed_seconds: number
  allowed_seconds: number
  source: string
}

export type PublicStage =
  | 'accepted'
  | 'dispatched'
  | 'on_way'
  | 'on_site'
  | 'working'
  | 'done'
  | 'closed'
  | 'withdrawn'
  | 'merged'
  | 'suspended'

export type CitizenAction = 'withdraw' | 'supplement' | 'expedite' | 'reopen' | 'rate' | 'upload'

export interface PublicOrder {
  number: string
  kind: string
  sub_type: string
  stage: string
  public_stage: PublicStage
  occurred_at: string
  place_name: string
  summary: string
  /** The one that counts down now. */
  promise: Clock | null
  promises: Clock[]
  /** A promise was broken: the page says so first. */
  apology: boolean
  delay_reason: string | null
  suspended: { reason: string; until: string } | null
  timeline: { at: string; event: string; text_slug: string; late: boolean }[]
  can: CitizenAction[]
  /** Urging is allowed from here on (half of the promise). */
  expedite_from: string | null
  rating: { score: number; note?: string } | number | null
  closed_at: string | null
  hotline: string
}

export interface PublicConfig {
  county_name: string
  hotline: string
  languages: string[]
  issuer: string
  client_id: string
  audience: string
  sms_signature: string
  demo: boolean
  local: boolean
  now: string
}

export interface Outage {
  id: string
  kind: 'unplanned_outage' | 'planned_outage' | 'short_notice_outage' | 'emergency_defect_outage' | 'load_management'
  area: string
  started_at: string
  planned_end_at?: string | null
  estimated_restoration_time?: string | null
  /** Who says so: an estimate, or the crew at the place. */
  etr_source?: 'estimate' | 'crew' | null
  updated_at?: string | null
  cause?: string | null
  progress?: 'found' | 'crew_sent' | 'on_site' | 'repairing' | 'restored' | null
  /** Null when fewer than five: shown as 少量. */
  customers_affected?: number | null
  restored_at?: string | null
}

export interface Outages {
  items: Outage[]
  updated_at: string
}

export interface PlaceHit {
  code: string
  name: string
  township: string
  station_name: string
}

export interface Place {
  code: string
  name: string
  state: { outage: Outage | null }
}

export interface PromiseMade {
  id: string
  label: string
  amount: number
  unit: string
  clock: string
  source: string
  effective_from: string
}

export type Answers = Partial<
  Record<'description' | 'symptom' | 'wish' | 'category' | 'theme' | 'topic' | 'earlier_order' | 'appointment', string>
>

export interface NewOrder {
  kind: string
  sub_type?: string
  place?: string
  address?: string
  account_no?: string
  phone?: string
  name?: string
  anonymous?: boolean
  reply_wish?: 'phone' | 'text' | 'none'
  special_need?: boolean
  answers: Answers
  dangers?: string[]
  occurred_at?: string
  language?: string
  files?: string[]
}

export interface Accepted {
  number: string
  token: string
  order: PublicOrder
}

export interface Upload {
  id: string
  url: string
  fields: Record<string, string>
  expires_at: string
}

interface ProblemBody {
  type: string
  title: string
  status: number
  detail?: string
}

/** One operation in the shape that openapi-fetch reads. */
type Operation<Parameters, Body, Answer> = {
  parameters: Parameters
  responses: {
    200: { content: { 'application/json': Answer } }
    default: { content: { 'application/problem+json': ProblemBody } }
  }
} & (Body extends undefined ? { requestBody?: never } : { requestBody: { content: { 'application/json': Body } } })

interface Header<Name extends string> { header: Record<Name, string> }
type Token = Header<'Tracking-Token'>
type Key = Header<'Idempotency-Key'>
interface Numbered { path: { number: string } }
interface Act<Body> { post: Operation<Numbered & Header<'Tracking-Token' | 'Idempotency-Key'>, Body, PublicOrder> }
type None = Record<never, never>

export interface paths {
  '/api/v1/public/config': { get: Operation<None, undefined, PublicConfig> }
  '/api/v1/public/places': { get: Operation<{ query: { q: string } }, undefined, { items: PlaceHit[] }> }
  '/api/v1/public/places/{code}': { get: Operation<{ path: { code: string } }, undefined, Place> }
  '/api/v1/public/outages': { get: Operation<{ query?: { place?: string } }, undefined, Outages> }
  '/api/v1/meta/promises': { get: Operation<None, undefined, PromiseMade[]> }
  '/api/v1/public/orders': { post: Operation<Key, NewOrder, Accepted> }
  '/api/v1/public/orders/lookup': {
    post: Operation<Key, { number: string; phone_tail: string }, { token: string; order: PublicOrder }>
  }
  '/api/v1/public/orders/{number}': { get: Operation<Numbered & Token, undefined, PublicOrder> }
  '/api/v1/public/orders/{number}/expedite': Act<{ note?: string }>
  '/api/v1/public/orders/{number}/supplement': Act<{ note: string; files?: string[] }>
  '/api/v1/public/orders/{number}/withdraw': Act<{ note?: string }>
  '/api/v1/public/orders/{number}/reopen': Act<{ note: string; files?: string[] }>
  '/api/v1/public/orders/{number}/rate': Act<{ score: number; note?: string }>
  '/api/v1/public/uploads': {
    post: Operation<
      { header: { 'Idempotency-Key': string; 'Tracking-Token'?: string } },
      { content_type: string; bytes: number; number?: string },
      Upload
    >
  }
  '/api/v1/public/ratings': { post: Operation<Key, { code: string; score: number; note?: string }, { ok: boolean }> }
}
