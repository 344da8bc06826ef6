import { describe, expect, it } from 'vitest'
import { isTail, normalisePhone } from '@/lib/phone'

describe('a phone number', () => {
  it.each([
    ['13800138000', '13800138000'],
    [' 138 0013 8000 ', '13800138000'],
    ['138-0013-8000', '13800138000'],
    ['+86 13800138000', '13800138000'],
    ['0086 138 0013 8000', '13800138000'],
    ['86 138 0013 8000', '13800138000'],
    ['１３８ ００１３－８０００', '13800138000'],
    ['＋８６１３８００１３８０００', '13800138000'],
    ['0312-1234567', '03121234567'],
    ['(010) 8765 4321', '01087654321'],
    ['（0312）1234567', '03121234567'],
    ['0312-1234567-801', '03121234567-801'],
    ['400-820-8820', '4008208820'],
  ])('%s is accepted as %s', (typed, phone) => {
    expect(normalisePhone(typed)).toEqual({ ok: true, phone })
  })

  it.each([
    ['', 'required'],
    ['　', 'required'],
    ['12345', 'phone_format'],
    ['23800138000', 'phone_format'],
    ['138001380001', 'phone_format'],
    ['call me', 'phone_format'],
    ['١٣٨٠٠١٣٨٠٠٠', 'phone_digits'],
    ['१३८००१३८०००', 'phone_digits'],
    ['①38⓪⓪138⓪⓪⓪', 'phone_digits'],
    ['电话13800138000', 'phone_digits'],
    ['138\u202e00138000', 'phone_digits'],
  ])('%s is refused as %s', (typed, fault) => {
    expect(normalisePhone(typed)).toEqual({ ok: false, fault })
  })

  it('has a tail of exactly four digits, full-width ones included', () => {
    expect(['8000', '８０００', ' 8000 '].every(isTail)).toBe(true)
    expect(['800', '80000', '80o0', '٨٠٠٠'].some(isTail)).toBe(false)
  })
})
