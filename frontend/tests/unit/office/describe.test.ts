import { expect, it } from 'vitest'
import { line, pairs } from '@/office/describe'
import { learnName } from '@/office/offices'

it('an instant of the ledger is read as a date, and an order by groups of four', () => {
  const said = pairs({ until: Date.parse('2026-11-28T02:00:00Z'), parent: '9056364824401815', count: 3 })

  expect(said.map(({ text }) => text)).toEqual(['2026年11月28日 10:00', '9056 3648 2440 1815', '3'])
})

it('names people whom the page has met, and keeps to itself what only a ledger needs', () => {
  learnName('leader-qh-1', '王平梅')

  expect(pairs({ interviewee: 'leader-qh-1', ledger: true, late: false }).map(({ text }) => text)).toEqual(['王平梅'])
})

it('lets a kind of ledger say a fact its own way, or not at all', () => {
  expect(line({ level: 'city', counts: ['X-QH'] }, { counts: null, level: { label: '签批级别', text: (given) => (given === 'city' ? '市级' : '?') } })).toBe('签批级别：市级')
})
