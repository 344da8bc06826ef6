import type { Clock, PublicOrder } from '@/api/contract'
import { lang } from '@/i18n'
import { formatWhen } from '@/lib/time'
import { countdown } from '@/lib/sla'
import { maybe, t } from './after-texts'

/** A promise in one sentence: what, and by when at the latest. */
export function promiseText(clock: Clock, now: Date): string {
  const { level } = countdown(clock, now)
  const what = maybe(`promise.what.${clock.name}`) ?? t('promise.what.other')
  const when = (iso: string | null): string => (iso === null ? '' : formatWhen(new Date(iso), now, lang.value))
  if (level === 'paused' || clock.due_at === null) return t('promise.paused', { what })
  if (level === 'kept') return t('promise.kept', { what, when: when(clock.stopped_at) })
  if (level === 'broken' || level === 'overdue' || level === 'late3') return t('promise.broken', { what, when: when(clock.due_at) })
  return maybe(`promise.${clock.name}`, { when: when(clock.due_at) }) ?? t('promise.other', { when: when(clock.due_at) })
}

/** What a citizen calls it. */
export const kindText = (order: Pick<PublicOrder, 'kind' | 'sub_type'>): string =>
  maybe(`topic.sub.${order.sub_type}`) ?? maybe(`kind.${order.kind}`) ?? t('kind.other')

/** The rating that was given, 1 to 5. */
export function scoreOf(order: PublicOrder): number | undefined {
  if (order.rating === null) return undefined
  return typeof order.rating === 'number' ? order.rating : order.rating.score
}
