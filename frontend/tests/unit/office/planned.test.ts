import { describe, expect, it } from 'vitest'
import { byDay, daysOf, isMonth, later, monthOf, sparedOn, weeksOf } from '@/office/planned/month'
import { qr, qrPath } from '@/office/planned/qr'

const drawn = (text: string): string[] => qr(text).map((row) => row.map((dark) => (dark ? '#' : '.')).join(''))

describe('the code on the sheet', () => {
  it('is module by module what another encoder draws', () => {
    expect(drawn('https')).toEqual([
      '#######..#.##.#######',
      '#.....#...##..#.....#',
      '#.###.#.#...#.#.###.#',
      '#.###.#.#.....#.###.#',
      '#.###.#.###.#.#.###.#',
      '#.....#.##.#..#.....#',
      '#######.#.#.#.#######',
      '........##...........',
      '#.#####....#..#####..',
      '###.#..#.######..####',
      '##.#.##..#..#.##..##.',
      '..###...#######..##..',
      '###..###..#.#..#.#..#',
      '........#...#..#.##.#',
      '#######..###.#..#.##.',
      '#.....#.##.....#####.',
      '#.###.#.####.#..##.#.',
      '#.###.#.#.######..#..',
      '#.###.#.###.#.##..#..',
      '#.....#..######.###..',
      '#######.##..#..#.#.#.',
    ])
  })

  it('grows with the text, and refuses what no sheet needs', () => {
    expect([14, 15, 26, 62, 213].map((length) => qr('x'.repeat(length)).length)).toEqual([21, 25, 25, 33, 57])
    expect(() => qr('x'.repeat(214))).toThrow(RangeError)
  })

  it('has the quiet border of four modules', () => {
    const { path, size } = qrPath('https')
    expect(size).toBe(21 + 8)
    expect(path.startsWith('M4 4h1v1h-1z')).toBe(true)
  })
})

describe('the calendar', () => {
  it('turns the year and knows the last day of each month', () => {
    expect([later('2026-12', 1), later('2026-01', -1)]).toEqual(['2027-01', '2025-12'])
    expect(daysOf('2028-02')).toEqual({ from: '2028-02-01', to: '2028-02-29' })
  })

  it('is China’s: the last evening of November in London is December', () => {
    expect(monthOf(new Date('2026-11-30T16:00:00Z'))).toBe('2026-12')
    expect(['2026-13', '2026-1', undefined].map(isMonth)).toEqual([false, false, false])
  })

  it('puts what begins after midnight in China on that day', () => {
    const rows = ['2026-12-02T00:00:00Z', '2026-12-01T16:00:00Z', '2026-12-01T15:59:00Z'].map((planned_start) => ({ planned_start }))
    expect(byDay(rows).map(({ day, rows: some }) => [day, some.length])).toEqual([['2026-12-01', 1], ['2026-12-02', 2]])
  })
})

describe('a month on the wall', () => {
  it('has whole weeks from Monday, with its days at their place', () => {
    const weeks = weeksOf('2026-12')
    expect(weeks[0]).toEqual(['', '2026-12-01', '2026-12-02', '2026-12-03', '2026-12-04', '2026-12-05', '2026-12-06'])
    expect(weeks.slice(-1)[0]).toEqual(['2026-12-28', '2026-12-29', '2026-12-30', '2026-12-31', '', '', ''])
    expect(weeksOf('2027-02').flat().filter((day) => day !== '')).toHaveLength(28)
  })

  it('says which days are spared, both ends among them', () => {
    const exams = [{ name: '高考', first: '2027-06-07', last: '2027-06-09' }]
    expect(['2027-06-06', '2027-06-07', '2027-06-09', '2027-06-10'].map((day) => sparedOn(day, exams))).toEqual(['', '高考', '高考', ''])
  })
})
