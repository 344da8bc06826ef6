import { describe, expect, it } from 'vitest'
import { readPhone, readTail } from '@/lib/phone'

describe('a phone number', () => {
  it.each([
    ['13800138000', '+8613800138000', '138 0013 8000'],
    [' 138 0013 8000 ', '+8613800138000', '138 0013 8000'],
    ['138-0013-8000', '+8613800138000', '138 0013 8000'],
    ['+86 13800138000', '+8613800138000', '138 0013 8000'],
    ['0086 138 0013 8000', '+8613800138000', '138 0013 8000'],
    ['86 138 0013 8000', '+8613800138000', '138 0013 8000'],
    ['１３８ ００１３－８０００', '+8613800138000', '138 0013 8000'],
    ['＋８６１３８００１３８０００', '+8613800138000', '138 0013 8000'],
    ['\u202d13800138000\u202c', '+8613800138000', '138 0013 8000'],
    ['0312-5234567', '+863125234567', '0312-5234567'],
    ['(010) 8765 4321', '+861087654321', '010-87654321'],
    ['（0312）5234567', '+863125234567', '0312-5234567'],
    ['0311-88881234转12', '+8631188881234', '0311-88881234转12'],
    ['0311-8888123-4', '+863118888123', '0311-8888123转4'],
    ['400-820-8820', '+864008208820', '4008208820'],
    ['95598', '+8695598', '95598'],
    ['+852 2345 6789', '+85223456789', '+85223456789'],
  ])('%s is read as %s', (typed, number, shown) => {
    const read = readPhone(typed)
    expect(read.ok && read.phone).toMatchObject({ number, shown })
  })

  it.each([
    ['', 'phone.empty'],
    ['　- ', 'phone.empty'],
    ['12345', 'phone.too_short'],
    ['1380013800', 'phone.too_short'],
    ['138001380001', 'phone.too_long'],
    ['23800138000', 'phone.unknown_form'],
    ['13800138000转5', 'phone.not_a_number'],
    ['call me', 'phone.not_a_number'],
    ['电话13800138000', 'phone.not_a_number'],
    ['138\u202e00138000', 'phone.not_a_number'],
    ['١٣٨٠٠١٣٨٠٠٠', 'phone.non_ascii_digits'],
    ['१३८००१३८०००', 'phone.non_ascii_digits'],
    ['①38⓪⓪138⓪⓪⓪', 'phone.non_ascii_digits'],
    ['1'.repeat(65), 'phone.too_long'],
  ])('%s is refused as %s', (typed, fault) => {
    expect(readPhone(typed)).toEqual({ ok: false, fault })
  })

  it('has a tail of exactly four digits, full-width ones included', () => {
    expect(['8000', '８０００', ' 8000 '].map(readTail)).toEqual(['8000', '8000', '8000'])
    expect(['800', '80000', '80o0', '٨٠٠٠'].map(readTail)).toEqual([undefined, undefined, undefined, undefined])
  })
})
