import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { base64url, sha256 } from '@/office/sha256'

const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')

describe('our SHA-256', () => {
  it('gives the digests of FIPS 180-4', () => {
    expect(hex(sha256('abc'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    expect(hex(sha256(''))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  })

  it('agrees with the machine’s own at every length around the block size', () => {
    for (let n = 0; n <= 140; n += 1) {
      const text = 'lightkeeper-'.repeat(12).slice(0, n)
      expect(hex(sha256(text))).toBe(createHash('sha256').update(text).digest('hex'))
    }
  })

  it('makes the challenge of RFC 7636, appendix B', () => {
    expect(base64url(sha256('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'))).toBe('E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM')
  })
})
