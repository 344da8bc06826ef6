import type { NewOrder } from '@/api/contract'
import type { Lang } from '@/i18n'
import { fill } from '@/i18n'
import { readNumber } from '@/lib/number'
import { readPhone } from '@/lib/phone'
import type { Draft } from './draft'
import { DANGERS, kindOf, type FlowName } from './flows'
import { zh } from './report.zh'

/** Staff read Chinese, so what the pages compose is always Chinese; what people typed stays as typed. */
function description(draft: Draft, flow: FlowName): string {
  const lines = [draft.text.trim()]
  const add = (label: string, value: string): void => {
    if (value.trim() !== '') lines.push(`${label}${label.endsWith('？') ? '' : '：'}${value.trim()}`)
  }
  if (flow === 'outage') {
    const { neighbours, meter } = zh.known
    if (draft.neighbours !== '') add(neighbours.label, neighbours[draft.neighbours])
    if (draft.meter !== '') add(meter.label, meter[draft.meter])
    if (draft.same !== '') lines.push(zh.known.same)
  }
  add(zh.details.when, draft.when)
  add(zh.details.appointment, draft.appointment)
  return lines.filter((line) => line !== '').join('\n')
}

function address(draft: Draft): string {
  const { position } = draft
  const located =
    position === null
      ? ''
      : fill(zh.where.locateText, {
          lat: position.lat.toFixed(5),
          lon: position.lon.toFixed(5),
          n: Math.round(position.accuracy),
        })
  return draft.address.trim() + located
}

/** The words and codes that the procedures ask for at intake. */
type Answers = Partial<
  Record<'description' | 'symptom' | 'wish' | 'category' | 'theme' | 'topic' | 'earlier_order', string>
>

function answers(draft: Draft, flow: FlowName): Answers {
  const given: Answers = { description: description(draft, flow) }
  if (flow === 'outage') given.symptom = 'no_power'
  if (flow === 'fault') given.symptom = draft.what
  if (flow === 'misconduct_report') given.theme = draft.topic
  if (flow === 'complaint' && draft.what !== '') given.category = draft.what
  if (flow === 'enquiry' && draft.what !== '') given.topic = draft.what
  if (draft.wish.trim() !== '') given.wish = draft.wish.trim()
  const earlier = readNumber(draft.earlier)
  if (flow === 'complaint' && earlier !== undefined) given.earlier_order = earlier
  if (given.description === '') delete given.description
  return given
}

/** What is sent. Empty fields are left out: the server refuses what it does not need. */
export function toOrder(draft: Draft, flow: FlowName, at: Date, language: Lang): NewOrder & { answers: Answers } {
  const order: NewOrder & { answers: Answers } = { kind: kindOf(flow), answers: answers(draft, flow), occurred_at: at.toISOString(), language }
  if (flow === 'service') order.sub_type = draft.topic
  if (draft.place !== null) order.place = draft.place.code
  const where = address(draft)
  if (where !== '') order.address = where
  if (draft.account.trim() !== '') order.account_no = draft.account.trim()
  if (flow === 'fault' && DANGERS.includes(draft.what)) order.dangers = [draft.what]
  if (draft.anonymous) {
    order.anonymous = true
    return order
  }
  const read = readPhone(draft.phone)
  if (read.ok) order.phone = read.phone.number + (read.phone.extension === '' ? '' : `转${read.phone.extension}`)
  if (draft.name.trim() !== '') order.name = draft.name.trim()
  if (draft.need) order.special_need = true
  order.reply_wish = draft.reply
  return order
}
