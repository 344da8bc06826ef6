import { lang } from '@/i18n'

const HALF = { '：': ': ', '；': '; ', '、': ', ', '，': ', ', '（': ' (', '）': ')' } as const

/** A mark between pieces that are put together here, as the reader's language writes it. */
export const mark = (full: keyof typeof HALF): string => (lang.value === 'zh' ? full : HALF[full])
