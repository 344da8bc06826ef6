import { describe, expect, it } from 'vitest'
import { checkDigit, readNumber, showNumber } from '@/lib/number'

const NUMBER = '1234567890123456'.slice(0, 15)
const GOOD = NUMBER + checkDigit(NUMBER)

describe('an order’s number', () => {
  it('has the check digit of ISO 7064 MOD 11,10', () => {
    expect(checkDigit('0794')).toBe('5') // the standard's own example: 0794 5
  })

  it('is read with spaces, hyphens and full-width digits', () => {
    const wide = GOOD.replace(/\d/g, (digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0))
    expect([GOOD, showNumber(GOOD), showNumber(GOOD).replace(/ /g, '-'), ` ${wide} `].map(readNumber)).toEqual(Array(4).fill(GOOD))
  })

  it('is refused with any single digit wrong, short or long', () => {
    for (let i = 0; i < GOOD.length; i += 1) {
      const wrong = GOOD.slice(0, i) + String((Number(GOOD[i]) + 1) % 10) + GOOD.slice(i + 1)
      expect(readNumber(wrong)).toBeUndefined()
    }
    expect([GOOD.slice(1), `${GOOD}0`, '', 'GD2026'].map(readNumber)).toEqual(Array(4).fill(undefined))
  })

  it('is shown in fours', () => {
    expect(showNumber('1234567890123456')).toBe('1234 5678 9012 3456')
  })
})
