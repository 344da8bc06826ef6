import { catalogue } from '@/i18n'
import { zh } from './zh'

/** Texts of the county office. */
export const { t, maybe } = catalogue(zh, async () => (await import('./en')).en)
