/**
 * A QR code (ISO/IEC 18004) of a short text: bytes, level M, versions 1 to 10. Dark modules are true.
 * For an address on a sheet of paper; anything longer than 213 bytes throws.
 */

/** Level M, by version from 1: error correction bytes a block, and the data bytes of each block. */
const BLOCKS: readonly { ecc: number; data: readonly number[] }[] = [
  { ecc: 10, data: [16] },
  { ecc: 16, data: [28] },
  { ecc: 26, data: [44] },
  { ecc: 18, data: [32, 32] },
  { ecc: 24, data: [43, 43] },
  { ecc: 16, data: [27, 27, 27, 27] },
  { ecc: 18, data: [31, 31, 31, 31] },
  { ecc: 22, data: [38, 38, 39, 39] },
  { ecc: 22, data: [36, 36, 36, 37, 37] },
  { ecc: 26, data: [43, 43, 43, 43, 44] },
]
/** Where alignment patterns lie, by version from 1. */
const ALIGNED: readonly (readonly number[])[] = [[], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50]]

const MASKS: readonly ((x: number, y: number) => boolean)[] = [
  (x, y) => (x + y) % 2 === 0,
  (_, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(y / 2) + Math.floor(x / 3)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
]

/** Products in GF(256) with the polynomial 0x11d. */
function times(a: number, b: number): number {
  let product = 0
  for (let bit = 7; bit >= 0; bit -= 1) {
    product = (product << 1) ^ ((product >>> 7) * 0x11d)
    product ^= ((b >>> bit) & 1) * a
  }
  return product
}

function generator(degree: number): number[] {
  const found: number[] = Array.from({ length: degree }, (_, index) => (index === degree - 1 ? 1 : 0))
  let root = 1
  for (let step = 0; step < degree; step += 1) {
    for (let index = 0; index < degree; index += 1) found[index] = times(found[index] ?? 0, root) ^ (found[index + 1] ?? 0)
    root = times(root, 2)
  }
  return found
}

function remainder(data: readonly number[], divisor: readonly number[]): number[] {
  const left = divisor.map(() => 0)
  for (const byte of data) {
    const factor = byte ^ (left.shift() ?? 0)
    left.push(0)
    divisor.forEach((one, index) => (left[index] = (left[index] ?? 0) ^ times(one, factor)))
  }
  return left
}

/** The version's codewords: the text, padded, with its error correction, blocks interleaved. */
function codewords(bytes: readonly number[], version: number): number[] {
  const { ecc, data } = BLOCKS[version - 1] ?? { ecc: 0, data: [] }
  const room = data.reduce((sum, one) => sum + one, 0) * 8
  const bits: number[] = []
  const put = (value: number, length: number): void => {
    for (let bit = length - 1; bit >= 0; bit -= 1) bits.push((value >>> bit) & 1)
  }
  put(4, 4)
  put(bytes.length, version < 10 ? 8 : 16)
  bytes.forEach((byte) => put(byte, 8))
  put(0, Math.min(4, room - bits.length))
  put(0, (8 - (bits.length % 8)) % 8)
  for (let pad = 0xec; bits.length < room; pad ^= 0xec ^ 0x11) put(pad, 8)
  const all = Array.from({ length: room / 8 }, (_, index) => bits.slice(index * 8, index * 8 + 8).reduce((sum, bit) => (sum << 1) | bit, 0))
  let start = 0
  const blocks = data.map((length) => all.slice(start, (start += length)))
  const divisor = generator(ecc)
  const checks = blocks.map((block) => remainder(block, divisor))
  const woven: number[] = []
  const weave = (rows: readonly (readonly number[])[]): void => {
    const most = Math.max(...rows.map((row) => row.length))
    for (let index = 0; index < most; index += 1) for (const row of rows) if (index < row.length) woven.push(row[index] ?? 0)
  }
  weave(blocks)
  weave(checks)
  return woven
}

class Grid {
  readonly dark: boolean[][]
  readonly fixed: boolean[][]
  constructor(
    readonly size: number,
    readonly version: number,
  ) {
    const blank = (): boolean[][] => Array.from({ length: size }, () => Array.from({ length: size }, () => false))
    this.dark = blank()
    this.fixed = blank()
  }

  get(x: number, y: number): boolean {
    return this.dark[y]?.[x] ?? false
  }

  isFixed(x: number, y: number): boolean {
    return this.fixed[y]?.[x] ?? true
  }

  set(x: number, y: number, dark: boolean): void {
    const row = this.dark[y]
    if (row !== undefined && x >= 0 && x < this.size) row[x] = dark
  }

  fix(x: number, y: number, dark: boolean): void {
    this.set(x, y, dark)
    const row = this.fixed[y]
    if (row !== undefined && x >= 0 && x < this.size) row[x] = true
  }

  patterns(): void {
    const { size, version } = this
    for (let at = 0; at < size; at += 1) {
      this.fix(6, at, at % 2 === 0)
      this.fix(at, 6, at % 2 === 0)
    }
    for (const [cx, cy] of [[3, 3], [size - 4, 3], [3, size - 4]] as const)
      for (let dy = -4; dy <= 4; dy += 1)
        for (let dx = -4; dx <= 4; dx += 1) {
          const ring = Math.max(Math.abs(dx), Math.abs(dy))
          this.fix(cx + dx, cy + dy, ring !== 2 && ring !== 4)
        }
    const aligned = ALIGNED[version - 1] ?? []
    const last = aligned.length - 1
    aligned.forEach((cy, row) =>
      aligned.forEach((cx, column) => {
        if ((row === 0 && column === 0) || (row === 0 && column === last) || (row === last && column === 0)) return
        for (let dy = -2; dy <= 2; dy += 1) for (let dx = -2; dx <= 2; dx += 1) this.fix(cx + dx, cy + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1)
      }),
    )
    this.format(0)
    if (version >= 7) {
      let rest = version
      for (let step = 0; step < 12; step += 1) rest = (rest << 1) ^ ((rest >>> 11) * 0x1f25)
      const bits = (version << 12) | rest
      for (let index = 0; index < 18; index += 1) {
        const dark = ((bits >>> index) & 1) === 1
        const [a, b] = [size - 11 + (index % 3), Math.floor(index / 3)]
        this.fix(a, b, dark)
        this.fix(b, a, dark)
      }
    }
  }

  /** Level M is 0 in the format's bits. */
  format(mask: number): void {
    let rest = mask
    for (let step = 0; step < 10; step += 1) rest = (rest << 1) ^ ((rest >>> 9) * 0x537)
    const bits = ((mask << 10) | rest) ^ 0x5412
    const dark = (index: number): boolean => ((bits >>> index) & 1) === 1
    const { size } = this
    for (let index = 0; index <= 5; index += 1) this.fix(8, index, dark(index))
    this.fix(8, 7, dark(6))
    this.fix(8, 8, dark(7))
    this.fix(7, 8, dark(8))
    for (let index = 9; index < 15; index += 1) this.fix(14 - index, 8, dark(index))
    for (let index = 0; index < 8; index += 1) this.fix(size - 1 - index, 8, dark(index))
    for (let index = 8; index < 15; index += 1) this.fix(8, size - 15 + index, dark(index))
    this.fix(8, size - 8, true)
  }

  fill(words: readonly number[]): void {
    let index = 0
    for (let right = this.size - 1; right >= 1; right -= 2) {
      if (right === 6) right = 5
      for (let step = 0; step < this.size; step += 1)
        for (const x of [right, right - 1]) {
          const isUp = ((right + 1) & 2) === 0
          const y = isUp ? this.size - 1 - step : step
          if (this.isFixed(x, y)) continue
          this.set(x, y, index < words.length * 8 && (((words[index >>> 3] ?? 0) >>> (7 - (index & 7))) & 1) === 1)
          index += 1
        }
    }
  }

  mask(which: number): void {
    const flips = MASKS[which]
    for (let y = 0; y < this.size; y += 1) for (let x = 0; x < this.size; x += 1) if (!this.isFixed(x, y) && flips?.(x, y) === true) this.set(x, y, !this.get(x, y))
  }

  /** How hard it is to read: long runs, squares, what looks like a finder, too much of one shade. */
  penalty(): number {
    const { size } = this
    let sum = 0
    let dark = 0
    for (const across of [true, false])
      for (let a = 0; a < size; a += 1) {
        let run = 0
        let line = ''
        for (let b = 0; b < size; b += 1) {
          const here = across ? this.get(b, a) : this.get(a, b)
          const before = across ? this.get(b - 1, a) : this.get(a, b - 1)
          run = b > 0 && here === before ? run + 1 : 1
          if (run === 5) sum += 3
          else if (run > 5) sum += 1
          line += here ? '1' : '0'
        }
        for (const look of ['10111010000', '00001011101']) for (let at = line.indexOf(look); at >= 0; at = line.indexOf(look, at + 1)) sum += 40
      }
    for (let y = 0; y < size; y += 1)
      for (let x = 0; x < size; x += 1) {
        const here = this.get(x, y)
        if (here) dark += 1
        if (x > 0 && y > 0 && here === this.get(x - 1, y) && here === this.get(x, y - 1) && here === this.get(x - 1, y - 1)) sum += 3
      }
    return sum + Math.floor(Math.abs((dark * 20) / (size * size) - 10)) * 10
  }
}

export function qr(text: string): boolean[][] {
  const bytes = [...new TextEncoder().encode(text)]
  const version = BLOCKS.findIndex(({ data }, index) => data.reduce((sum, one) => sum + one, 0) * 8 >= 4 + (index + 1 < 10 ? 8 : 16) + bytes.length * 8) + 1
  if (version === 0) throw new RangeError(`${bytes.length} bytes are too many for a code`)
  const words = codewords(bytes, version)
  const tried = MASKS.map((_, which) => {
    const grid = new Grid(17 + version * 4, version)
    grid.patterns()
    grid.fill(words)
    grid.mask(which)
    grid.format(which)
    return { grid, cost: grid.penalty() }
  })
  return tried.reduce((best, one) => (one.cost < best.cost ? one : best)).grid.dark
}

/** The code as one path of an SVG of `size` by `size`, with the quiet border that readers need. */
export function qrPath(text: string): { path: string; size: number } {
  const rows = qr(text)
  const border = 4
  const path = rows.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x + border} ${y + border}h1v1h-1z`] : []))).join('')
  return { path, size: rows.length + border * 2 }
}
