/** Why a phone number cannot be used; the same codes as the server's. */
export type PhoneFault = 'required' | 'phone_digits' | 'phone_format'

/** Full-width forms that people's keyboards type; nothing else is mapped (NFKC would also touch other digits). */
function halfWidth(text: string): string {
  return text.replace(/[\uFF01-\uFF5E]/g, (c) => String.fromCharCode(c.charCodeAt(0) - 0xfee0)).replace(/\u3000/g, ' ')
}

const MOBILE = /^1[3-9]\d{9}$/
const LANDLINE = /^0\d{2,3}\d{7,8}(-\d{1,6})?$/
const SERVICE = /^400\d{7}$/

/**
 * Normalise as the server does: full-width forms, spaces, hyphens, brackets and +86 are accepted.
 * Digits of other scripts (Arabic-Indic, circled …) are refused, not guessed.
 */
export function normalisePhone(typed: string): { ok: true; phone: string } | { ok: false; fault: PhoneFault } {
  const text = halfWidth(typed).trim()
  if (text === '') return { ok: false, fault: 'required' }
  if (/[^\p{ASCII}‐-―−]/u.test(text)) return { ok: false, fault: 'phone_digits' }
  let digits = text
    .replace(/[‐-―−]/g, '-')
    .replace(/^(\+|00)\s*86[\s-]*/, '')
    .replace(/[\s().]/g, '')
  const extension = /^(0[\d-]*\d{7,8})-(\d{1,6})$/.exec(digits)
  digits =
    extension?.[1] !== undefined && LANDLINE.test(extension[1].replace(/-/g, ''))
      ? `${extension[1].replace(/-/g, '')}-${extension[2] ?? ''}`
      : digits.replace(/-/g, '')
  if (/^86(1[3-9]\d{9})$/.test(digits)) digits = digits.slice(2)
  if (MOBILE.test(digits) || LANDLINE.test(digits) || SERVICE.test(digits)) return { ok: true, phone: digits }
  return { ok: false, fault: 'phone_format' }
}

/** The last four digits, for tracking by number. */
export function isTail(typed: string): boolean {
  return /^\d{4}$/.test(halfWidth(typed).trim())
}

export { halfWidth }
