import { describe, expect, it } from 'vitest'
import { toBase64 } from '@/office/admin/base64'
import { readDays } from '@/office/admin/calendar'

describe('days of a calendar', () => {
  it('are read as notices write them, spans included', () => {
    const { days, bad } = readDays('2027-01-01 元旦\n2027年2月5日\n2027/3/1~2027/3/3 春节\n\n')
    expect(bad).toEqual([])
    expect(days).toEqual({ '2027-01-01': '元旦', '2027-02-05': '元旦', '2027-03-01': '春节', '2027-03-02': '春节', '2027-03-03': '春节' })
  })

  it('that are none are named by line', () => {
    expect(readDays('2027-02-30\n2027-01-01\n明天\n2027-05-05~2027-05-01').bad).toEqual([1, 3, 4])
  })
})

describe('a file for upload', () => {
  it('is base64 of its bytes, also when it is large', () => {
    expect(toBase64(new Uint8Array([0xef, 0xbb, 0xbf, 0xe6]))).toBe('77u/5g==')
    const large = new Uint8Array(300_000).map((_, index) => index % 251)
    expect(atob(toBase64(large)).length).toBe(300_000)
  })
})
