import type { Clock, PublicOrder } from '@/api/contract'
import { lang } from '@/i18n'
import { formatFull, formatWhen } from '@/lib/time'
import { countdown } from '@/lib/sla'
import { maybe, t } from './after-texts'

/** A service is done, not answered; and to other things than faults no repair crew comes. */
function nameOf(clock: string, kind: string): string {
  if (kind === 'service_request' && clock === 'promise') return 'other'
  return kind !== 'fault' && clock === 'arrive' ? 'arrive_staff' : clock
}

/** A promise in one sentence: what, and by when at the latest; without `now`, with full dates for paper. */
export function promiseText(clock: Clock, kind: string, now?: Date): string {
  const { level } = countdown(clock, now ?? new Date())
  const name = nameOf(clock.name, kind)
  const what = maybe(`promise.what.${name}`) ?? t('promise.what.other')
  const when = (iso: string | null): string => {
    if (iso === null) return ''
    return now === undefined ? formatFull(new Date(iso), lang.value) : formatWhen(new Date(iso), now, lang.value)
  }
  if (level === 'paused' || clock.due_at === null) return t('promise.paused', { what })
  if (level === 'kept') return t('promise.kept', { what, when: when(clock.stopped_at) })
  if (level === 'broken' || level === 'overdue' || level === 'late3') return t('promise.broken', { what, when: when(clock.due_at) })
  return maybe(`promise.${name}`, { when: when(clock.due_at) }) ?? t('promise.other', { when: when(clock.due_at) })
}

/** What a citizen calls it. */
export const kindText = (order: Pick<PublicOrder, 'kind'>): string => maybe(`kind.${order.kind}`) ?? t('kind.other')

/** Why an arrival is late or an order stands still, from the server's code. */
export const reasonText = (code: string): string =>
  maybe(`track.delayReason.${code}`) ?? maybe(`track.suspendReason.${code}`) ?? code

/** A step of the way in citizens' words, of an order of this kind. */
export function eventText({ event, facts }: Pick<PublicOrder['timeline'][number], 'event' | 'facts'>, kind = 'fault'): string {
  const filled = {
    office: facts['office'] ?? t('event.office'),
    reason: reasonText(facts['reason'] ?? ''),
    kind: maybe(`kind.${facts['kind'] ?? ''}`) ?? t('kind.other'),
  }
  return maybe(`event.${kind !== 'fault' && event === 'arrive' ? 'arrive_staff' : event}`, filled) ?? t('event.other')
}
