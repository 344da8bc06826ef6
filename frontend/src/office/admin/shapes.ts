/** What the administration's addresses take and give, as generated from the server's OpenAPI. */
import type { components } from '@/api/schema'

type Schemas = components['schemas']

export type OfficeRecord = Schemas['AdminOffice']
export type StaffRecord = Schemas['AdminStaff']
export type DutyList = Schemas['DutyList']
export type KeyRecord = Schemas['KeyRow']
export type HookRecord = Schemas['WebhookRow']
export type HookTested = Schemas['Tested']
export type LimitRecord = Schemas['AdminLimitNow']
export type LimitVersion = Schemas['AdminLimit']
export type CalendarYear = Schemas['YearRow']
export type Replanned = Schemas['Replanned']
export type Imported = Schemas['Previewed']
export type Applied = Schemas['AppliedOut']
export type BadCell = Schemas['BadCell']
export type DaysVerified = Schemas['DaysVerified']
export type Seal = Schemas['SealOut']
