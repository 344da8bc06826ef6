/** Our HTTP interface, as generated from the server's OpenAPI (`npm run api`), under the names that the pages use. */
import type { components } from './schema'

export type { paths } from './schema'

type Schemas = components['schemas']

export type Clock = Schemas['ClockRow']
export type Level = Clock['level']
export type PublicOrder = Schemas['PublicOrder']
export type Supply = Schemas['SupplyOut']
export type PublicStage = PublicOrder['public_stage']
export type CitizenAction = PublicOrder['can'][number]
export type PublicConfig = Schemas['PublicConfig']
export type Outage = Schemas['Outage']
export type Outages = Schemas['Outages']
export type PlaceHit = Schemas['Places']['items'][number]
export type Place = Schemas['Place']
export type PromiseMade = Schemas['PromiseMade']
export type NewOrder = Schemas['NewOrder']
export type Accepted = Schemas['Accepted']
export type Upload = Schemas['UploadForm']
