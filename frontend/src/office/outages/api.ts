import type { components } from '@/api/schema'
import { call, get } from '../api'
import type { Facts } from '../contract'

/** What the server says and takes of outages. */
type Schemas = components['schemas']

export type OutageRow = Schemas['OutageRow']
export type OutageRows = Schemas['OutageRows']
export type OutagePage = Schemas['OutagePage']
export type FiveMinutes = Schemas['FiveMinutes']
export type RoundRow = Schemas['RoundRow']
export type Household = Schemas['OutageHousehold']
export type Households = Schemas['OutageHouseholds']
export type Preview = Schemas['OutagePreview']
export type Diagram = Schemas['Diagram']
export type NewOutage = Schemas['NewOutage']

/** As many as the board asks for at once; a county with more open at a time is in a storm, and pages on. */
const MOST = 100

/** Every outage of a state. */
export async function getOutages(state: 'open' | 'recent' | 'planned'): Promise<OutageRow[]> {
  const rows: OutageRow[] = []
  let cursor: string | null = null
  do {
    const page: OutageRows = await get('/outages', { state, limit: MOST, cursor: cursor ?? undefined })
    rows.push(...page.items)
    cursor = page.cursor
  } while (cursor !== null)
  return rows
}

export const getOutage = (id: string): Promise<OutagePage> => get(`/outages/${encodeURIComponent(id)}`)

export const getDiagrams = async (id: string): Promise<Diagram[]> =>
  (await get<Schemas['OutageDiagrams']>(`/outages/${encodeURIComponent(id)}/diagram`)).items

export const searchGrid = (q: string): Promise<Schemas['GridFound']> => get('/grid/search', { q })

/** A feeder as it stands; `feeder` is the map's name or the feeder's. */
export const getFeeder = (county: string, feeder: string): Promise<Diagram> =>
  get('/grid/diagram', { county, feeder: feeder.includes('/') ? feeder : `feeder/${feeder}` })

export const getHouseholds = (id: string, group: string, cursor?: string): Promise<Households> =>
  get(`/outages/${encodeURIComponent(id)}/households`, { group, cursor })

export const getPreview = (devices: readonly string[], closed: readonly string[] = []): Promise<Preview> =>
  get('/outages/preview', { devices: devices.join(','), closed: closed.length > 0 ? closed.join(',') : undefined })

export const postOutage = (outage: NewOutage, key: string): Promise<OutagePage> => call('POST', '/outages', { body: outage, key })

/** Moves of outages go at once: what they tell can be corrected, and five minutes are short. */
export function moveOutage(outage: OutagePage, move: string, data: Facts, occurred_at: string | undefined, key: string): Promise<OutagePage> {
  const body = { ...data, ...(occurred_at === undefined ? {} : { occurred_at }) }
  return call('POST', `/outages/${encodeURIComponent(outage.id)}/moves/${move}`, { body, key, version: outage.version })
}
