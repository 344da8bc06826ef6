import type { components } from '@/api/schema'
import { get } from '../api'

/** What the server says and takes of the grid. */
type Schemas = components['schemas']

export type FeederRow = Schemas['FeederRow']
export type FeederPage = Schemas['FeederPage']
export type GridDevice = Schemas['GridDevice']
export type Found = Schemas['GridFound']
export type Unplaced = Schemas['Unplaced']
export type Surveyed = Schemas['Surveyed']
export type SurveyApplied = Schemas['SurveyApplied']
export type GridMistake = Schemas['GridMistake']
export type SwitchIn = Schemas['SwitchIn']
export type Switched = Schemas['SwitchedOut']
export type SwitchRow = Schemas['SwitchRow']

export const getFeeders = async (): Promise<FeederRow[]> => (await get<Schemas['Feeders']>('/grid/feeders')).items

export const getFound = (q: string): Promise<Found> => get('/grid/search', { q })

export const getUnplaced = (county: string, cursor?: string): Promise<Unplaced> => get('/grid/unplaced', { county, cursor })

export const getSwitchings = async (county: string): Promise<SwitchRow[]> =>
  (await get<Schemas['Switchings']>('/grid/switchings', { county, limit: 20 })).items

/** One feeder with all that can be switched on it. */
export async function getSwitches(county: string, feeder: string): Promise<FeederPage> {
  const ask = (cursor?: string): Promise<FeederPage> => get('/grid/feeder', { county, feeder, switchable: 1, limit: 1000, cursor })
  const page = await ask()
  const items = [...page.items]
  for (let { cursor } = page; cursor !== null; ) {
    const more = await ask(cursor)
    items.push(...more.items)
    cursor = more.cursor
  }
  return { ...page, items, cursor: null }
}
