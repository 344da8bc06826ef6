/**
 * Telephone numbers as the server reads them (domain/contact.py), so that nobody is sent back for a hyphen.
 * Of the digits outside ASCII only the full-width ones are read; others are refused, not guessed.
 */

/** The server's codes. */
export type PhoneFault =
  | 'phone.empty'
  | 'phone.not_a_number'
  | 'phone.non_ascii_digits'
  | 'phone.too_short'
  | 'phone.too_long'
  | 'phone.unknown_form'

export interface Phone {
  /** E.164: `+8613800138000`. */
  number: string
  /** Digits after 转, or nothing. */
  extension: string
  /** As dialled here, grouped for reading: `138 0013 8000`, `0311-88881234转12`. */
  shown: string
}

export type PhoneReading = { ok: true; phone: Phone } | { ok: false; fault: PhoneFault }

const HYPHENS = '‐‑‒–—―−﹘﹣－ー'
const SPACES = '\t\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000'
const SEPARATORS = '()（）[]［］.．·'
/** Joiners and left-to-right marks that address books paste around a number. */
const INVISIBLE = '\u200b\u200e\u2060\ufeff\u202d\u202c'
const SIGNS: Readonly<Record<string, string>> = { '＋': '+', '﹢': '+', '＃': '#', '：': ':', 轉: '转' }

/** Full-width letters and digits, separators and signs in their plain form; nothing else changes. */
export function fold(text: string): string {
  let folded = ''
  for (const char of text) {
    const code = char.charCodeAt(0)
    if (INVISIBLE.includes(char)) continue
    if (HYPHENS.includes(char)) folded += '-'
    else if (SPACES.includes(char) || SEPARATORS.includes(char)) folded += ' '
    else if ((code >= 0xff10 && code <= 0xff19) || (code >= 0xff21 && code <= 0xff5a)) {
      folded += String.fromCharCode(code - 0xfee0)
    } else folded += SIGNS[char] ?? char
  }
  return folded.toLowerCase().replace(/^[ \-\r\n]+|[ \-\r\n]+$/g, '')
}

const CANONICAL =
  /^(?:\+86(?<mobile>1[3-9]\d{9})|\+86(?<area>(?:10|2\d)(?=\d{8}$)|(?!400|800)[3-9]\d{2})(?<line>[2-9]\d{6,7})|\+86(?<service>(?:400|800)\d{7}|955\d{2})|\+(?!86)(?<foreign>[1-9]\d{7,14}))$/

function* numbers(typed: string): Generator<string> {
  const bare = typed.replace(/[ -]/g, '')
  if (!/^\+?\d+$/.test(bare)) return
  const national = bare.replace(/^(?:\+86|0086|86)/, '')
  if (national !== bare) {
    yield `+86${national}`
    yield `+86${national.replace(/^0/, '')}`
  } else if (bare.startsWith('+')) yield bare
  else if (bare.startsWith('0')) yield `+86${bare.slice(1)}`
  else if (/^(?:1[3-9]|400|800|955)/.test(bare)) yield `+86${bare}`
}

function* readings(folded: string): Generator<[number: string, extension: string]> {
  const named = /^(.*?) *(?:转|分机|ext|x|#) *[:-]? *(\d{1,6})$/.exec(folded)
  const dashed = /^(.*\d) *- *(\d{1,6})$/.exec(folded)
  if (named !== null) {
    for (const number of numbers(named[1] ?? '')) yield [number, named[2] ?? '']
  } else if (dashed !== null) {
    for (const number of numbers(dashed[1] ?? '')) if (number.startsWith('+86')) yield [number, dashed[2] ?? '']
  }
  for (const number of numbers(folded)) yield [number, '']
}

function read(number: string, extension: string): Phone | undefined {
  const parts = CANONICAL.exec(number)?.groups
  if (parts === undefined) return undefined
  const { mobile, area, line, service } = parts
  if (extension !== '' && line === undefined && service === undefined) return undefined
  let shown = number
  if (mobile !== undefined) shown = mobile.replace(/(\d{3})(\d{4})(\d{4})/, '$1 $2 $3')
  else if (line !== undefined) shown = `0${area ?? ''}-${line}`
  else if (service !== undefined) shown = service
  return { number, extension, shown: extension === '' ? shown : `${shown}转${extension}` }
}

function fault(folded: string): PhoneFault {
  if ([...folded].some((char) => char > '\u007f' && /\p{N}/u.test(char))) return 'phone.non_ascii_digits'
  const bare = folded.replace(/[ -]/g, '')
  if (!/^\+?\d+$/.test(bare)) return 'phone.not_a_number'
  const national = bare.replace(/^(?:\+86|0086|86(?=1[3-9]))/, '')
  const mobile = /^1[3-9]/.test(national)
  const digits = national.replace(/^\+/, '').length
  if (digits < (mobile ? 11 : 7)) return 'phone.too_short'
  return digits > (mobile ? 11 : 15) ? 'phone.too_long' : 'phone.unknown_form'
}

/** Read a number as people type it: full width, spaces, hyphens, brackets, +86, 转. */
export function readPhone(typed: string): PhoneReading {
  if (typed.length > 64) return { ok: false, fault: 'phone.too_long' }
  const folded = fold(typed)
  if (folded === '') return { ok: false, fault: 'phone.empty' }
  for (const [number, extension] of readings(folded)) {
    const phone = read(number, extension)
    if (phone !== undefined) return { ok: true, phone }
  }
  return { ok: false, fault: fault(folded) }
}

/** The last four digits, for tracking by number; `undefined` if it is not four digits. */
export function readTail(typed: string): string | undefined {
  const folded = fold(typed)
  return /^\d{4}$/.test(folded) ? folded : undefined
}
