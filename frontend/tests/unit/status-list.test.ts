import { describe, expect, it } from 'vitest'
import type { Outage } from '@/api/contract'
import { households, isStale, near, search, sort } from '@/status/list'

const NOW = new Date('2026-11-22T00:00:00Z')
const at = (minutes: number): string => new Date(NOW.getTime() + minutes * 60_000).toISOString()
const outage = (id: string, more: Partial<Outage> = {}): Outage => ({
  id,
  kind: 'fault',
  state: 'running',
  area: '城关镇建设路',
  areas: [],
  townships: [],
  lines: [],
  started_at: at(-60),
  customers_affected: 10,
  ...more,
})
const ids = (items: Outage[]): string[] => items.map(({ id }) => id)

describe('the public list', () => {
  it('puts the most households first, 少量 last', () => {
    const { now } = sort([outage('few', { customers_affected: null }), outage('small'), outage('big', { customers_affected: 90 })], NOW)
    expect(ids(now)).toEqual(['big', 'small', 'few'])
    expect(households(now)).toBe(100)
  })

  it('puts the next planned outage first, and says for a day that one was called off', () => {
    const items = [outage('b', { state: 'planned', started_at: at(600) }), outage('a', { state: 'cancelled', started_at: at(60) }), outage('c')]
    expect(ids(sort(items, NOW).planned)).toEqual(['a', 'b'])
    expect(ids(sort(items, NOW).now)).toEqual(['c'])
  })

  it('is running only once somebody said so, late or not', () => {
    const late = outage('a', { state: 'planned', started_at: at(-5) })
    expect(ids(sort([late], NOW).planned)).toEqual(['a'])
    expect(sort([late], NOW).now).toEqual([])
  })

  it('keeps a restored one for 24 hours, the latest first', () => {
    const items = [outage('a', { state: 'restored', restored_at: at(-23 * 60) }), outage('b', { state: 'restored', restored_at: at(-5) }), outage('c', { state: 'restored', restored_at: at(-24 * 60) })]
    expect(ids(sort(items, NOW).restored)).toEqual(['b', 'a'])
    expect(sort(items, NOW).now).toEqual([])
  })

  it('is near by its names alone, and nothing is near a place that nobody named', () => {
    const items = [outage('a', { areas: ['东街村1号公变'], townships: ['城关镇'] }), outage('b', { cause: '东街村施工' })]
    expect(ids(near(items, ' 城关镇 东街村'))).toEqual(['a'])
    expect(near(items, '  ')).toEqual([])
  })

  it('is searched by every word of area or cause', () => {
    const items = [outage('a', { cause: '树木碰线' }), outage('b', { area: '河口乡李家村', cause: '10 kV 建设线跳闸' })]
    expect(ids(search(items, '建设'))).toEqual(['a', 'b'])
    expect(ids(search(items, ' 李家村 10 KV '))).toEqual(['b'])
    expect(search(items, '城东')).toEqual([])
  })

  it('is stale after ten minutes', () => {
    expect(isStale(at(-10), NOW)).toBe(false)
    expect(isStale(at(-11), NOW)).toBe(true)
  })
})
