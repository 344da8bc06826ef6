import type { components } from '@/api/schema'
import { call, get } from '../api'
import type { Facts } from '../contract'

/** What the server says and takes of crews, trucks, loans and supply assurance. */
type Schemas = components['schemas']

export type UnitRow = Schemas['UnitRow']
export type WantRow = Schemas['WantRow']
export type PriorityRow = Schemas['PriorityRow']
export type Restoration = Schemas['Restoration']
export type Advice = Schemas['OutageAdvice']
export type CrewAdvised = Schemas['CrewAdvised']
export type LoanRow = Schemas['LoanRow']
export type LoanPage = Schemas['LoanPage']
export type LoanIn = Schemas['LoanIn']
export type TruckIn = Schemas['TruckIn']
export type TaskRow = Schemas['TaskRow']
export type TaskPage = Schemas['TaskPage']
export type TaskIn = Schemas['TaskIn']
export type HistoryRow = Schemas['HistoryRow']

const id = encodeURIComponent

export const getUnits = async (): Promise<UnitRow[]> => (await get<Schemas['UnitRows']>('/resources')).items
export const getRestoration = (): Promise<Restoration> => get('/resources/restoration')
export const getAdvice = (outage: string): Promise<Advice> => get(`/outages/${id(outage)}/advice`)
export const postTruck = (body: TruckIn, key: string): Promise<UnitRow> => call('POST', '/resources/trucks', { body, key })

export const getLoans = async (state: 'open' | 'over'): Promise<LoanRow[]> => (await get<Schemas['LoanRows']>('/resources/loans', { state })).items
export const getLoan = (loan: string): Promise<LoanPage> => get(`/resources/loans/${id(loan)}`)
export const postLoan = (body: LoanIn, key: string): Promise<LoanPage> => call('POST', '/resources/loans', { body, key })

export const getTasks = async (state: 'open' | 'over'): Promise<TaskRow[]> => (await get<Schemas['TaskRows']>('/assurance', { state })).items
export const getTask = (task: string): Promise<TaskPage> => get(`/assurance/${id(task)}`)
export const postTask = (body: TaskIn, key: string): Promise<TaskPage> => call('POST', '/assurance', { body, key })

/** One move of what stands at `path`; `version` is the one that was seen, 0 for what nobody has kept yet. */
async function move<T>(path: string, name: string, data: Facts, occurred_at: string | undefined, key: string, version: number): Promise<T> {
  const body = { ...data, ...(occurred_at === undefined ? {} : { occurred_at }) }
  return call('POST', `${path}/moves/${name}`, { body, key, ...(version > 0 ? { version } : {}) })
}

export const moveUnit = (unit: Pick<UnitRow, 'id' | 'version'>, name: string, data: Facts, at: string | undefined, key: string): Promise<UnitRow> =>
  move(`/resources/units/${id(unit.id)}`, name, data, at, key, unit.version)
export const moveLoan = (loan: LoanRow, name: string, data: Facts, at: string | undefined, key: string): Promise<LoanPage> =>
  move(`/resources/loans/${id(loan.id)}`, name, data, at, key, loan.version)
export const moveTask = (task: TaskRow, name: string, data: Facts, at: string | undefined, key: string): Promise<TaskPage> =>
  move(`/assurance/${id(task.id)}`, name, data, at, key, task.version)
