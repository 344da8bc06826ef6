import { fold } from './phone'

/** The ISO 7064 MOD 11,10 check digit (GB/T 17710), as the server computes it: finds every single wrong digit. */
export function checkDigit(payload: string): string {
  let rest = 10
  for (const digit of payload) {
    rest = (rest + Number(digit)) % 10 || 10
    rest = (rest * 2) % 11
  }
  return String((11 - rest) % 10)
}

/** An order's number as people type it (spaces, hyphens, full width), or `undefined` if it is none. */
export function readNumber(typed: string): string | undefined {
  const digits = fold(typed).replace(/[ -]/g, '')
  return /^\d{16}$/.test(digits) && checkDigit(digits.slice(0, 15)) === digits.slice(15) ? digits : undefined
}

/** For reading out: 4-4-4-4. */
export function showNumber(number: string): string {
  return number.replace(/(\d{4})(?=\d)/g, '$1 ')
}
