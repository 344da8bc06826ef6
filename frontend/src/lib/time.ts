import type { Lang } from '@/i18n'

const ZONE = 'Asia/Shanghai'
const DAY = 86_400_000
/** The zone has had no summer time since 1991, so a day there is a fixed shift of UTC. */
const SHIFT = 8 * 3_600_000

const dayNumber = (at: Date): number => Math.floor((at.getTime() + SHIFT) / DAY)

const LOCALE: Readonly<Record<Lang, string>> = { zh: 'zh-CN', en: 'en-GB' }
/** "11月22日" needs `long` in Chinese (`numeric` gives 11/22). */
const MONTH: Readonly<Record<Lang, 'long' | 'short'>> = { zh: 'long', en: 'short' }

const NEAR: Readonly<Record<Lang, ReadonlyMap<number, string>>> = {
  zh: new Map([[-1, '昨天'], [0, '今天'], [1, '明天']]),
  en: new Map([[-1, 'yesterday'], [0, 'today'], [1, 'tomorrow']]),
}

const formats = new Map<string, Intl.DateTimeFormat>()
function format(lang: Lang, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = lang + JSON.stringify(options)
  let found = formats.get(key)
  if (found === undefined) {
    found = new Intl.DateTimeFormat(LOCALE[lang], { timeZone: ZONE, hourCycle: 'h23', ...options })
    formats.set(key, found)
  }
  return found
}

/** "06:47", 24 hours, Asia/Shanghai. */
export function clockTime(at: Date, lang: Lang): string {
  return format(lang, { hour: '2-digit', minute: '2-digit' }).format(at)
}

/** The day as people say it: 今天 / 昨天 / 明天, else 11月22日, with the year when it is another one. */
export function dayWord(at: Date, now: Date, lang: Lang): string {
  const near = NEAR[lang].get(dayNumber(at) - dayNumber(now))
  if (near !== undefined) return near
  const year = format(lang, { year: 'numeric' })
  const other = year.format(at) !== year.format(now)
  return format(lang, { ...(other ? { year: 'numeric' } : {}), month: MONTH[lang], day: 'numeric' }).format(at)
}

/** "今天 06:47". */
export function formatWhen(at: Date, now: Date, lang: Lang): string {
  return `${dayWord(at, now, lang)} ${clockTime(at, lang)}`
}

/** "明天 07:00–18:00"; over midnight both days are named. */
export function formatRange(from: Date, to: Date, now: Date, lang: Lang): string {
  const end = dayNumber(from) === dayNumber(to) ? clockTime(to, lang) : formatWhen(to, now, lang)
  return `${formatWhen(from, now, lang)}–${end}`
}

/** The full date for `title` and paper: "2026年11月22日 06:47". */
export function formatFull(at: Date, lang: Lang): string {
  const day = format(lang, { year: 'numeric', month: MONTH[lang], day: 'numeric' }).format(at)
  return `${day} ${clockTime(at, lang)}`
}

/** A whole day for paper: "2026年11月22日" of `2026-11-22`. */
export function formatDay(day: string, lang: Lang): string {
  return format(lang, { year: 'numeric', month: MONTH[lang], day: 'numeric' }).format(new Date(`${day}T00:00:00+08:00`))
}

/** A month for a heading: "2026年12月" of `2026-12`, "December 2026". */
export function formatMonth(month: string, lang: Lang): string {
  return format(lang, { year: 'numeric', month: 'long' }).format(new Date(`${month}-01T00:00:00+08:00`))
}

/** A span in words, rounded down to minutes: "52 分钟", "4 小时 11 分", "2 天 3 小时". */
export function formatSpan(milliseconds: number, lang: Lang): string {
  const minutes = Math.floor(Math.abs(milliseconds) / 60_000)
  const hours = Math.floor(minutes / 60)
  const days = Math.floor(hours / 24)
  const zh = lang === 'zh'
  if (days > 0) {
    const rest = hours % 24
    return zh ? `${days} 天${rest > 0 ? ` ${rest} 小时` : ''}` : `${days} d${rest > 0 ? ` ${rest} h` : ''}`
  }
  if (hours > 0) {
    const rest = minutes % 60
    if (rest === 0) return zh ? `${hours} 小时` : `${hours} h`
    return zh ? `${hours} 小时 ${rest} 分` : `${hours} h ${rest} min`
  }
  return zh ? `${minutes} 分钟` : `${minutes} min`
}
