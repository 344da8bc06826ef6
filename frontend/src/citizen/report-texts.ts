import { catalogue } from '@/i18n'
import { zh as own } from './report.zh'
import { zh as core } from './zh'

/** Texts of asking: the report, question by question, and the page's own. */
export const { t, maybe } = catalogue({ ...core, ...own }, async () => ({
  ...(await import('./en')).en,
  ...(await import('./report.en')).en,
}))
