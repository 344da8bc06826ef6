import { Refused, Unreachable } from '@/api/client'
import { lang } from '@/i18n'
import { common } from '@/i18n/common'
import { formatSpan } from './time'

/** What failed and what to do, in the reader's language. The server's own words win: it answers in the caller's language. */
export function explain(error: unknown): { title: string; text: string } {
  const { t } = common
  if (error instanceof Unreachable) return { title: t('unreachable.title'), text: t('unreachable.text') }
  if (error instanceof Refused && error.problem.status < 500) {
    const title = error.problem.title === '' ? t('refused.title') : error.problem.title
    if (error.problem.status === 429) {
      const wait = Math.max(60, error.retryAfter ?? 60) * 1000
      return { title, text: t('later', { span: formatSpan(wait, lang.value) }) }
    }
    return { title, text: error.problem.detail ?? '' }
  }
  return { title: t('broken.title'), text: t('broken.text') }
}
