import { toField } from './moveform'

/**
 * Numbers for paper slips, taken as case numbers when they are entered: `P261122-0647-01`.
 * The minute of printing keeps two printings apart.
 */
export function slipNumbers(count: number, at: Date): string[] {
  const local = toField(at)
  const head = `P${local.slice(2, 10).replace(/-/g, '')}-${local.slice(11).replace(':', '')}`
  const width = Math.max(2, String(count).length)
  return Array.from({ length: count }, (_, index) => `${head}-${String(index + 1).padStart(width, '0')}`)
}
