import { describe, expect, it } from 'vitest'
import type { FiveMinutes, OutageRow } from '@/office/outages/api'
import { darkTransformers, five, minutesSeconds, ranked, roundTotal, shownClocks, stateMark, views } from '@/office/outages/outage'

const clock = (over: Partial<FiveMinutes> = {}): FiveMinutes => ({
  kind: 'entry', event: 'start', due_at: '2026-11-22T06:05:00Z', state: 'running', stopped: false, seconds: 0, ...over,
})
const row = (id: string, over: Partial<OutageRow> = {}): OutageRow =>
  ({ id, state: 'confirmed', human: 'confirmed', vulnerable: 0, dark_households: 0, clocks: [], recorded_at: '2026-11-22T06:00:00Z', planned_start: null, ...over }) as OutageRow
const at = (time: string): Date => new Date(`2026-11-22T${time}Z`)
const ids = (rows: OutageRow[]): string[] => rows.map(({ id }) => id)

describe('a five-minute clock', () => {
  it('counts every second towards its end, red in the last minute, over after it', () => {
    expect(five(clock(), at('06:01:30'))).toEqual({ level: 'ok', seconds: 210 })
    expect(five(clock(), at('06:04:00'))).toEqual({ level: 'soon', seconds: 60 })
    expect(five(clock(), at('06:05:00'))).toEqual({ level: 'soon', seconds: 0 })
    expect(five(clock(), at('06:05:01'))).toEqual({ level: 'overdue', seconds: -1 })
  })

  it('never looks better than the server said', () => {
    expect(five(clock({ state: 'missed' }), at('06:01:00')).level).toBe('overdue')
  })

  it('says how long it took once it is stopped', () => {
    expect(five(clock({ stopped: true, state: 'met', seconds: 125 }), at('07:00:00'))).toEqual({ level: 'kept', seconds: 125 })
    expect(five(clock({ stopped: true, state: 'missed', seconds: 341 }), at('07:00:00'))).toEqual({ level: 'broken', seconds: 341 })
  })

  it('is read in minutes and seconds', () => {
    expect([0, 5, 65, -65, 3600, 3725].map(minutesSeconds)).toEqual(['0:00', '0:05', '1:05', '1:05', '1:00:00', '1:02:05'])
  })

  it('that runs stands first, then what was missed; what was met shows only among all', () => {
    const met = clock({ kind: 'entry', stopped: true, state: 'met' })
    const missed = clock({ kind: 'whole', stopped: true, state: 'missed' })
    const running = clock({ kind: 'notify' })
    expect(shownClocks([met, missed, running], false)).toEqual([running, missed])
    expect(shownClocks([met, missed, running], true)).toEqual([running, missed, met])
  })
})

describe('the board', () => {
  it('keeps apart what reports alone suspect and what a person has said', () => {
    const open = [row('a', { state: 'suspected', human: null }), row('b', { state: 'probable', human: null }), row('c', { state: 'probable', human: 'confirmed' }), row('d')]
    const { suspected, open: known } = views(open, [], [])
    expect([ids(suspected), ids(known)]).toEqual([['a', 'b'], ['c', 'd']])
  })

  it('puts first where five minutes run out, then where people with special needs are dark, then where most are', () => {
    const open = [
      row('few', { dark_households: 3 }), row('many', { dark_households: 300 }), row('needs', { dark_households: 2, vulnerable: 1 }),
      row('later', { clocks: [clock({ due_at: '2026-11-22T06:09:00Z' })] }), row('soon', { clocks: [clock()] }), row('stopped', { clocks: [clock({ stopped: true, due_at: '2026-11-22T05:00:00Z' })] }),
    ]
    expect(ids(views(open, [], []).open)).toEqual(['soon', 'later', 'needs', 'many', 'few', 'stopped'])
  })

  it('puts plans in the order in which they begin', () => {
    const plan = (id: string, start: string) => row(id, { planned_start: start })
    expect(ids(views([], [plan('b', '2026-11-25T00:00:00Z'), plan('a', '2026-11-23T00:00:00Z')], []).planned)).toEqual(['a', 'b'])
  })
})

it('every state of an outage has a shape of its own beside its colour, the open ones none of the closed', () => {
  const shape = (state: string) => stateMark(state).icon
  expect(new Set(['suspected', 'probable', 'confirmed', 'partially_restored', 'restored'].map(shape)).size).toBe(5)
  expect(shape('cancelled')).not.toBe(shape('confirmed'))
})

describe('what may be ticked as back', () => {
  const bus = (id: string, state: 'live' | 'dark') => ({ id, name: '', kind: '', state, households: 1 })
  const edge = (from: string, device: string, kind: string, state: 'live' | 'dark' | 'fault') => ({ from, to: device, device, name: '', kind, state })
  const nodes = [bus('S', 'live'), bus('SW', 'dark'), bus('T1', 'dark'), bus('T2', 'live'), bus('T3', 'dark'), bus('T4', 'dark')]
  const edges = [
    edge('S', 'SW', 'switch', 'fault'), edge('SW', 'T1', 'transformer', 'dark'), edge('SW', 'T4', 'transformer', 'dark'),
    edge('S', 'T2', 'transformer', 'live'), edge('S', 'T3', 'transformer', 'fault'),
  ]
  const codes = (devices: string[]) => darkTransformers([{ nodes, edges }], devices).map(({ code }) => code).sort()

  it('is the dark transformers behind the outage’s own devices', () => {
    expect(codes(['SW'])).toEqual(['T1', 'T4'])
    expect(codes(['T3'])).toEqual(['T3'])
  })

  it('is every dark one of a feeder that went off from above', () => {
    expect(codes(['ABOVE'])).toEqual(['T1', 'T3', 'T4'])
  })
})

describe('the moves of an outage', () => {
  const moves = ['deny', 'know', 'crew', 'set_etr', 'cancel'].map((name) => ({ name, primary: name === 'set_etr' }))
  const names = (over: Partial<OutageRow>) => ranked(moves, row('a', over)).map(({ name }) => name)

  it('begin with the main one and what is done often, and take back last', () => {
    expect(names({})).toEqual(['set_etr', 'crew', 'know', 'deny', 'cancel'])
  })

  it('offer beside the confirmation of a suspicion that it is none', () => {
    expect(names({ human: null, state: 'probable' }).slice(0, 2)).toEqual(['set_etr', 'deny'])
  })
})

it('a settled round still says how many it told', () => {
  expect(roundTotal({ total: 100, counts: { sent: 20 } })).toBe(100)
  expect(roundTotal({ total: 0, counts: { sent: 240, failed: 10 } })).toBe(250)
})
