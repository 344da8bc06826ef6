const ROUND: Uint32Array = new Uint32Array(64)
const START: Uint32Array = new Uint32Array(8)

/** The first 32 bits of the fraction of a root, as FIPS 180-4 makes its constants. */
function fraction(root: number): number {
  return ((root - Math.floor(root)) * 0x100000000) >>> 0
}

for (let n = 2, found = 0; found < 64; n += 1) {
  let prime = true
  for (let d = 2; d * d <= n; d += 1) if (n % d === 0) prime = false
  if (!prime) continue
  if (found < 8) START[found] = fraction(Math.sqrt(n))
  ROUND[found] = fraction(Math.cbrt(n))
  found += 1
}

const turn = (x: number, n: number): number => (x >>> n) | (x << (32 - n))

/**
 * SHA-256 (FIPS 180-4) of ASCII text, for the sign-in's code challenge.
 *
 * The browser's own lives in `crypto.subtle`, which plain-http pages on the office's LAN do not have.
 */
export function sha256(text: string): Uint8Array {
  const size = text.length
  const padded = new Uint8Array((((size + 8) >> 6) + 1) << 6)
  for (let i = 0; i < size; i += 1) padded[i] = text.charCodeAt(i)
  padded[size] = 0x80
  const view = new DataView(padded.buffer)
  view.setUint32(padded.length - 4, size * 8)

  const hash = START.slice()
  const w = new Uint32Array(64)
  const at = (list: Uint32Array, i: number): number => list[i] ?? 0
  for (let block = 0; block < padded.length; block += 64) {
    for (let i = 0; i < 16; i += 1) w[i] = view.getUint32(block + i * 4)
    for (let i = 16; i < 64; i += 1) {
      const a = at(w, i - 15)
      const b = at(w, i - 2)
      const s0 = turn(a, 7) ^ turn(a, 18) ^ (a >>> 3)
      const s1 = turn(b, 17) ^ turn(b, 19) ^ (b >>> 10)
      w[i] = at(w, i - 16) + s0 + at(w, i - 7) + s1
    }
    const v = hash.slice()
    for (let i = 0; i < 64; i += 1) {
      const [a, b, c] = [at(v, 0), at(v, 1), at(v, 2)]
      const e = at(v, 4)
      const choose = (e & at(v, 5)) ^ (~e & at(v, 6))
      const first = at(v, 7) + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + choose + at(ROUND, i) + at(w, i)
      const second = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))
      v.copyWithin(1, 0, 7)
      v[4] = at(v, 4) + first
      v[0] = first + second
    }
    for (let i = 0; i < 8; i += 1) hash[i] = at(hash, i) + at(v, i)
  }
  const bytes = new DataView(new ArrayBuffer(32))
  hash.forEach((word, i) => {
    bytes.setUint32(i * 4, word)
  })
  return new Uint8Array(bytes.buffer)
}

/** Bytes as base64url without padding (RFC 4648 §5). */
export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}
