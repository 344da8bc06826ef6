import { expect, it } from 'vitest'
import { pairs } from '@/office/describe'

it('an instant of the ledger is read as a date, and an order by groups of four', () => {
  const said = pairs({ until: Date.parse('2026-11-28T02:00:00Z'), parent: '9056364824401815', count: 3 })

  expect(said.map(({ text }) => text)).toEqual(['2026年11月28日 10:00', '9056 3648 2440 1815', '3'])
})
