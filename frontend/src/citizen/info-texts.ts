import { catalogue } from '@/i18n'
import { zh as own } from './info.zh'
import { zh as core } from './zh'

/** Texts of the pages that only explain, and the page's own. */
export const { t, maybe } = catalogue({ ...core, ...own }, async () => ({
  ...(await import('./en')).en,
  ...(await import('./info.en')).en,
}))
