import { readNumber } from '@/lib/number'
import { readPhone } from '@/lib/phone'
import type { Draft } from './draft'
import { placeNeeded, type FlowName, type Step, stepsOf } from './flows'

/** A field that cannot be used: its id on the page and the server's code. */
export interface Fault {
  field: string
  code: string
  /** The server's words, in the reader's language. */
  detail?: string
}

const empty = (text: string): boolean => text.trim() === ''

const RULES: Readonly<Record<Step, (draft: Draft, flow: FlowName) => Fault[]>> = {
  topic: (draft) => (draft.topic === '' ? [{ field: 'topic', code: 'choice.empty' }] : []),
  where: (draft, flow) =>
    placeNeeded(flow) && draft.place === null && draft.position === null && empty(draft.address) && empty(draft.account)
      ? [{ field: 'address', code: 'place.empty' }]
      : [],
  known: () => [],
  details: (draft, flow) => {
    const faults: Fault[] = []
    if (flow === 'fault' && draft.what === '') faults.push({ field: 'what', code: 'choice.empty' })
    if (empty(draft.text) && (flow !== 'fault' || draft.what === 'other')) faults.push({ field: 'text', code: 'text.empty' })
    return faults
  },
  wish: (draft) =>
    !empty(draft.earlier) && readNumber(draft.earlier) === undefined ? [{ field: 'earlier', code: 'number.wrong' }] : [],
  who: (draft) => {
    if (draft.anonymous) return []
    const read = readPhone(draft.phone)
    return read.ok ? [] : [{ field: 'phone', code: read.fault }]
  },
  check: () => [],
}

/** What is wrong on one page. */
export const faultsOf = (step: Step, flow: FlowName, draft: Draft): Fault[] => RULES[step](draft, flow)

/** The first page that cannot be passed yet: nobody gets to the end by an address with a hole before it. */
export const firstOpen = (flow: FlowName, draft: Draft): Step =>
  stepsOf(flow).find((step) => faultsOf(step, flow, draft).length > 0) ?? 'check'

/** Fields of the server's refusal, as fields of our pages. */
const FIELDS: Readonly<Record<string, { step: Step; field: string }>> = {
  sub_type: { step: 'topic', field: 'topic' },
  theme: { step: 'topic', field: 'topic' },
  place: { step: 'where', field: 'address' },
  address: { step: 'where', field: 'address' },
  account_no: { step: 'where', field: 'account' },
  symptom: { step: 'details', field: 'what' },
  topic: { step: 'details', field: 'what' },
  category: { step: 'details', field: 'what' },
  description: { step: 'details', field: 'text' },
  wish: { step: 'wish', field: 'wish' },
  earlier_order: { step: 'wish', field: 'earlier' },
  appointment: { step: 'details', field: 'appointment' },
  phone: { step: 'who', field: 'phone' },
  name: { step: 'who', field: 'name' },
  anonymous: { step: 'who', field: 'phone' },
  reply_wish: { step: 'who', field: 'reply' },
  special_need: { step: 'who', field: 'need' },
}

/** Where on our pages the server's field is: `answers.description` is the text of the details. */
export function fieldOf(serverField: string): { step: Step; field: string } {
  return FIELDS[serverField.split('.').pop() ?? ''] ?? { step: 'check', field: 'check' }
}
