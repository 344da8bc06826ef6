/** Our HTTP interface as generated from the server's OpenAPI (`npm run api`), under the names that the office uses. */
import type { components } from '@/api/schema'

type Schemas = components['schemas']

export type { Clock, PublicConfig } from '@/api/contract'

export interface Page<Row> {
  items: Row[]
  cursor: string | null
}

/** What only the procedures know: coded answers, facts of advice. */
export type Facts = Record<string, unknown>

export type Me = Schemas['Me']
export type Supply = Schemas['SupplyOut']
export type QueueRow = Schemas['QueueRow']
export type QueueAnswer = Schemas['Queue']
export type QueueCounts = Schemas['QueueCounts']
export type StaffOrder = Schemas['StaffOrder']
export type StaffMoment = Schemas['StaffStep']
export type Move = Schemas['MoveRow']
export type Delivery = Schemas['DeliveryRow']
export type Supervision = Schemas['SupervisionRow']
export type Need = Schemas['NeedRow']
export type Advice = Schemas['Advice']
export type LedgerRow = Schemas['LedgerRow']
export type Verified = Schemas['Verified']
export type Contact = Schemas['Revealed']
export type Caller = Schemas['Caller']
export type OfficeRow = Schemas['OfficeRow']
export type Colleague = Schemas['Colleague']
export type Call = Schemas['CallRow']
export type BulkResult = Schemas['BulkResult']

/** One kind of order as data, as far as the office asks of it. */
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
