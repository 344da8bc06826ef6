import { catalogue } from '@/i18n'
import { zh } from './zh'

/** Texts of the status page. */
export const { t, maybe } = catalogue(zh, async () => (await import('./en')).en)
