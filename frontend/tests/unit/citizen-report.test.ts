import { describe, expect, it } from 'vitest'
import { checkDigit } from '@/lib/number'
import { emptyDraft, type Draft } from '@/citizen/draft'
import { FLOWS, isVoice, kindOf, LONGEST, SYMPTOMS, type FlowName } from '@/citizen/flows'
import { toOrder } from '@/citizen/report'
import { faultsOf, fieldOf, firstOpen } from '@/citizen/validate'

const AT = new Date('2026-11-22T00:00:00.000Z')
const draft = (more: Partial<Draft> = {}): Draft => ({ ...emptyDraft(), ...more })
const full = (more: Partial<Draft> = {}): Draft =>
  draft({ address: '李家村 12 号', text: '没电了', what: 'other', topic: 'other', phone: '138 0013 8000', ...more })
const FLOW_NAMES = Object.keys(FLOWS) as FlowName[]

describe('a page is passed when what it needs is there', () => {
  it.each(FLOW_NAMES)('%s opens at its first question and ends at the check', (flow) => {
    expect(firstOpen(flow, full())).toBe('check')
    expect(FLOWS[flow]).toContain(firstOpen(flow, draft()))
    expect(firstOpen(flow, draft())).not.toBe('check')
  })

  it('a place may be an address, an account, a position or a place of the list', () => {
    expect(faultsOf('where', 'outage', draft())).toEqual([{ field: 'address', code: 'place.empty' }])
    const ways: Partial<Draft>[] = [
      { address: 'x' },
      { account: '0300123' },
      { position: { lat: 30, lon: 104, accuracy: 9 } },
      { place: { code: '3-2', name: '李家村' } },
    ]
    for (const way of ways) expect(faultsOf('where', 'outage', draft(way))).toEqual([])
  })

  it('a complaint needs no place', () => {
    expect(faultsOf('where', 'complaint', draft())).toEqual([])
  })

  it('a danger needs no words, something else does', () => {
    expect(faultsOf('details', 'fault', draft({ what: 'wire_down' }))).toEqual([])
    expect(faultsOf('details', 'fault', draft({ what: 'other', text: ' \n' }))).toEqual([{ field: 'text', code: 'text.empty' }])
    expect(faultsOf('details', 'fault', draft()).map(({ field }) => field)).toEqual(['what'])
  })

  it('the phone is read as the server reads it; anonymous needs none', () => {
    expect(faultsOf('who', 'complaint', draft({ phone: '１３８００１３８０００' }))).toEqual([])
    expect(faultsOf('who', 'complaint', draft({ phone: '1380013800' }))).toEqual([{ field: 'phone', code: 'phone.too_short' }])
    expect(faultsOf('who', 'complaint', draft({ anonymous: true }))).toEqual([])
  })

  it('an earlier number may be missing, not wrong', () => {
    expect(faultsOf('wish', 'complaint', draft())).toEqual([])
    expect(faultsOf('wish', 'complaint', draft({ earlier: '1234 5678 9012 3456' }))).toEqual([{ field: 'earlier', code: 'number.wrong' }])
  })

  it('the server’s fields lead to the page that asks them', () => {
    expect(fieldOf('answers.description')).toEqual({ step: 'details', field: 'text' })
    expect(fieldOf('phone')).toEqual({ step: 'who', field: 'phone' })
    expect(fieldOf('something.new')).toEqual({ step: 'check', field: 'check' })
  })
})

describe('what is sent', () => {
  it.each(FLOW_NAMES)('%s is of its kind, says when, and leaves empty fields out', (flow) => {
    const order = toOrder(full(), flow, AT, 'zh')
    expect(order).toMatchObject({ kind: kindOf(flow), occurred_at: '2026-11-22T00:00:00.000Z', language: 'zh', phone: '+8613800138000' })
    expect(Object.values({ ...order, ...order.answers }).filter((value) => value === '' || value == null)).toEqual([])
  })

  it('an outage carries what the neighbours and the meter show, in Chinese whatever the page speaks', () => {
    const order = toOrder(full({ neighbours: 'no', meter: 'dark' }), 'outage', AT, 'en')
    expect(order.answers).toEqual({ symptom: 'no_power', description: '没电了\n邻居家、路灯有电吗？都没有电\n您家电表屏幕亮吗？不亮' })
  })

  it('only dangers are named as such', () => {
    const named = SYMPTOMS.filter((what) => toOrder(full({ what }), 'fault', AT, 'zh').dangers !== undefined)
    expect(named).toEqual(['wire_down', 'smoke_or_sparks', 'pole_leaning'])
  })

  it('an anonymous report carries nothing that names its author', () => {
    const order = toOrder(full({ anonymous: true, name: '李', need: true }), 'complaint', AT, 'zh')
    expect(order).not.toHaveProperty('phone')
    expect(order).not.toHaveProperty('name')
    expect(order).not.toHaveProperty('special_need')
    expect(order.anonymous).toBe(true)
  })

  it('a complaint names the earlier order in plain digits', () => {
    const earlier = '481520170000001'
    const typed = `${earlier}${checkDigit(earlier)}`.replace(/(\d{4})/g, '$1-')
    expect(toOrder(full({ earlier: typed }), 'complaint', AT, 'zh').answers.earlier_order).toBe(earlier + checkDigit(earlier))
  })

  it('a position goes with the address', () => {
    const order = toOrder(full({ position: { lat: 30.1, lon: 104.2, accuracy: 12.4 } }), 'outage', AT, 'zh')
    expect(order.address).toBe('李家村 12 号（定位 30.10000，104.20000，误差约 12 米）')
  })

  it('the longest of everything still fits the server’s 1000 units', () => {
    const long = full({
      text: '电'.repeat(LONGEST.text),
      when: '电'.repeat(LONGEST.short),
      appointment: '电'.repeat(LONGEST.short),
      neighbours: 'yes',
      meter: 'unknown',
      same: 'x',
    })
    for (const flow of FLOW_NAMES) expect(toOrder(long, flow, AT, 'zh').answers.description?.length).toBeLessThanOrEqual(1000)
  })

  it('only complaints and suggestions may be anonymous', () => {
    expect(FLOW_NAMES.filter((flow) => !isVoice(flow))).toEqual(['outage', 'fault', 'service', 'enquiry'])
  })
})
