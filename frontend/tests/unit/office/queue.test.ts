import { describe, expect, it } from 'vitest'
import type { Clock, QueueRow } from '@/office/contract'
import { between, byTimeLeft, follow, nextPoll, readFilters, refresh, withFilter } from '@/office/queue'

const clock = (due: string | null, level: Clock['level'] = 'ok'): Clock => ({
  name: 'dispatch', limit: 'fault.dispatch', whose: 'company', due_at: due, level, started_at: '2026-11-22T00:00:00Z', stopped_at: null,
  paused_by: null, promise: false, provisional: false, elapsed_seconds: 0, allowed_seconds: 60, source: '',
})
const row = (number: string, due: string | null, level?: Clock['level'], version = 1): QueueRow => ({
  number, kind: 'fault', sub_type: '', stage: 'accepted', channel: 'web', case_no: '', county: 'qh', office: 'qh', office_name: '', assignee: '',
  assignee_name: '', occurred_at: '2026-11-22T00:00:00Z', next_due_at: due, clock: clock(due, level), chips: [], summary: '', place_name: '',
  phone_masked: '', version, children: 0,
})
const numbers = (rows: readonly QueueRow[]): string => rows.map((one) => one.number).join('')

describe('the queue', () => {
  it('puts the least time left first, and what stands still or has no end last', () => {
    const rows = [row('c', null), row('d', '2026-11-22T01:00:00Z', 'paused'), row('b', '2026-11-22T03:00:00Z'), row('a', '2026-11-21T23:00:00Z', 'overdue')]
    expect(numbers(byTimeLeft(rows))).toBe('abcd')
    expect(numbers(rows)).toBe('cdba')
  })

  it('never moves a row on refresh: rows change in place, new ones wait, those that left stay', () => {
    const shown = [row('a', '2026-11-22T01:00:00Z'), row('b', '2026-11-22T02:00:00Z')]
    const fresh = [row('n', '2026-11-22T00:30:00Z'), row('b', '2026-11-22T02:00:00Z', 'ok', 2)]
    const after = refresh(shown, fresh)
    expect(numbers(after.rows)).toBe('ab')
    expect(after.rows[1]?.version).toBe(2)
    expect(numbers(after.news)).toBe('n')
    expect([...after.gone]).toEqual(['a'])
  })

  it('keeps the cursor on its row; when that is gone, on the one that followed, else on the last', () => {
    const rows = ['a', 'b', 'c'].map((number) => row(number, null))
    const without = (gone: string): QueueRow[] => rows.filter(({ number }) => !gone.includes(number))
    expect(follow(rows, rows, 'b')).toBe('b')
    expect(follow(rows, without('b'), 'b')).toBe('c')
    expect(follow(rows, without('c'), 'c')).toBe('b')
    expect(follow([], rows, undefined)).toBe('a')
    expect(follow(rows, [], 'a')).toBeUndefined()
  })

  it('marks a range whichever end was first', () => {
    const rows = ['a', 'b', 'c', 'd'].map((number) => row(number, null))
    expect(between(rows, 'd', 'b')).toEqual(['b', 'c', 'd'])
    expect(between(rows, 'gone', 'b')).toEqual(['b'])
  })

  it('keeps its filters in the address and drops what is none', () => {
    expect(readFilters({ state: 'overdue', evil: 'x', kind: '', office: ['a', 'b'] })).toEqual({ state: 'overdue' })
    expect(withFilter({ state: 'overdue', kind: 'fault' }, 'state', 'open')).toEqual({ kind: 'fault' })
    expect(withFilter({ kind: 'fault' }, 'kind', '')).toEqual({})
    expect(withFilter({}, 'office', 's1')).toEqual({ office: 's1' })
  })

  it('asks again after 10 to 15 seconds', () => {
    expect(nextPoll(0)).toBe(10_000)
    expect(nextPoll(0.999)).toBeLessThanOrEqual(15_000)
  })
})
