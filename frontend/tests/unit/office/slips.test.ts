import { describe, expect, it } from 'vitest'
import { slipNumbers } from '@/office/slips'

describe('blank slips', () => {
  const at = new Date('2026-11-21T22:47:30Z')

  it('are numbered by the minute of printing, in the office’s time', () => {
    expect(slipNumbers(2, at)).toEqual(['P261122-0647-01', 'P261122-0647-02'])
  })

  it('can be entered as case numbers, and never twice the same', () => {
    const numbers = slipNumbers(120, at)
    expect(new Set(numbers).size).toBe(120)
    for (const number of numbers) expect(number).toMatch(/^[0-9A-Za-z_-]{1,40}$/)
    expect(numbers[119]).toBe('P261122-0647-120')
  })
})
