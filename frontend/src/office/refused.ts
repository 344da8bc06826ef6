import { Refused } from '@/api/client'
import { explain } from '@/lib/explain'
import { mark } from './marks'
import { word } from './words'

/** Which fields a refusal names, each with why, in the reader's words; none for any other failure. */
export const faultsOf = (reason: unknown): { field: string; text: string }[] =>
  reason instanceof Refused ? (reason.problem.errors ?? []).map(({ field, code, detail }) => ({ field, text: detail ?? word(`code.${code}`) })) : []

/** A failure in one line: what is wrong with the fields, or what failed. */
export const wrong = (reason: unknown, faults = faultsOf(reason).map(({ text }) => text)): string => (faults.length > 0 ? faults.join(mark('；')) : explain(reason).title)
