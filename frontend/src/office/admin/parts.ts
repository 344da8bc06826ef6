import { can } from '../session'

/** The pages under 管理, each with what it takes to see it. */
const PARTS = [
  { name: 'offices', capability: 'office.read' },
  { name: 'staff', capability: 'staff.read' },
  { name: 'duty', capability: 'duty.update' },
  { name: 'keys', capability: 'key.create' },
  { name: 'webhooks', capability: 'webhook.create' },
  { name: 'limits', capability: 'limit.read' },
  { name: 'calendars', capability: 'calendar.update' },
  { name: 'imports', capability: 'import' },
  { name: 'network', capability: 'grid.import' },
  { name: 'ledger', capability: 'ledger.verify' },
] as const

/** Those that the person may see. */
export const adminParts = (): (typeof PARTS)[number][] => PARTS.filter(({ capability }) => can(capability))
