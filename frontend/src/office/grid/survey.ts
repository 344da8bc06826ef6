import { toBase64 } from '../admin/base64'
import type { SurveyApplied } from './api'

/** The tables of a network, by the field that carries each. */
export const TABLES = ['devices', 'switches', 'customers'] as const
export type Table = (typeof TABLES)[number]
export const NEEDED: readonly Table[] = ['devices', 'customers']

/** Characters of base64 that one request takes, with what is around them. */
export const MOST_SENT = 5_900_000

/** A table as it is sent: compressed, unless it is already, and in base64. */
export async function packed(file: Blob): Promise<string> {
  const [first, second] = new Uint8Array(await file.slice(0, 2).arrayBuffer())
  const isGzip = first === 0x1f && second === 0x8b
  const bytes = isGzip ? file : new Response(file.stream().pipeThrough(new CompressionStream('gzip')))
  return toBase64(new Uint8Array(await bytes.arrayBuffer()))
}

/** Which table a file is, by its name: people may choose all three at once. */
export const tableOf = (name: string): Table | undefined => TABLES.find((table) => name.toLowerCase().startsWith(table))

/** What several calls wrote, together. */
export function together(done: readonly SurveyApplied[]): Omit<SurveyApplied, 'next' | 'steps'> {
  const sum = (name: 'maps' | 'places' | 'households' | 'unchanged'): number => done.reduce((total, one) => total + one[name], 0)
  return { maps: sum('maps'), places: sum('places'), households: sum('households'), unchanged: sum('unchanged') }
}
