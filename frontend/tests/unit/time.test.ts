import { describe, expect, it } from 'vitest'
import { clockTime, dayWord, formatDay, formatFull, formatMonth, formatRange, formatSpan, formatWhen } from '@/lib/time'

/** 2026-11-22 05:42 in China. */
const NOW = new Date('2026-11-21T21:42:00Z')
const at = (local: string): Date => new Date(`${local}:00+08:00`)

describe('a time is told in China’s hours', () => {
  it.each([
    ['2026-11-22T06:47', '今天 06:47', 'today 06:47'],
    ['2026-11-22T00:00', '今天 00:00', 'today 00:00'],
    ['2026-11-21T23:59', '昨天 23:59', 'yesterday 23:59'],
    ['2026-11-23T00:00', '明天 00:00', 'tomorrow 00:00'],
    ['2026-11-24T07:00', '11月24日 07:00', '24 Nov 07:00'],
    ['2027-01-02T07:00', '2027年1月2日 07:00', '2 Jan 2027 07:00'],
  ])('%s is %s', (local, zh, en) => {
    expect(formatWhen(at(local), NOW, 'zh')).toBe(zh)
    expect(formatWhen(at(local), NOW, 'en')).toBe(en)
  })

  it('a whole day and a whole month are no instants', () => {
    expect([formatDay('2026-12-01', 'zh'), formatDay('2026-12-01', 'en')]).toEqual(['2026年12月1日', '1 Dec 2026'])
    expect([formatMonth('2026-12', 'zh'), formatMonth('2026-12', 'en')]).toEqual(['2026年12月', 'December 2026'])
  })

  it('a range within a day names the day once, over midnight twice', () => {
    expect(formatRange(at('2026-11-23T07:00'), at('2026-11-23T18:00'), NOW, 'zh')).toBe('明天 07:00–18:00')
    expect(formatRange(at('2026-11-22T22:00'), at('2026-11-23T02:00'), NOW, 'zh')).toBe('今天 22:00–明天 02:00')
  })

  it('the full date is for paper', () => {
    expect(formatFull(at('2026-11-22T06:47'), 'zh')).toBe('2026年11月22日 06:47')
    expect(formatFull(at('2026-11-22T06:47'), 'en')).toBe('22 Nov 2026 06:47')
  })

  it('does not depend on the zone of the device', () => {
    expect(clockTime(NOW, 'zh')).toBe('05:42')
    expect(dayWord(NOW, NOW, 'zh')).toBe('今天')
  })
})

describe('a span', () => {
  const MINUTE = 60_000
  it.each([
    [0, '0 分钟'],
    [59_999, '0 分钟'],
    [52 * MINUTE, '52 分钟'],
    [-11 * MINUTE, '11 分钟'],
    [60 * MINUTE, '1 小时'],
    [251 * MINUTE, '4 小时 11 分'],
    [24 * 60 * MINUTE, '1 天'],
    [51 * 60 * MINUTE, '2 天 3 小时'],
  ])('of %d ms reads %s', (span, words) => {
    expect(formatSpan(span, 'zh')).toBe(words)
  })
})
