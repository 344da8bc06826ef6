import { catalogue } from '@/i18n'
import { zh as own } from './after.zh'
import { zh as core } from './zh'

/** Texts of the receipt, the progress and the rating, and the page's own. */
export const { t, maybe } = catalogue({ ...core, ...own }, async () => ({
  ...(await import('./en')).en,
  ...(await import('./after.en')).en,
}))
