import { expect, it } from 'vitest'
import { eventText, promiseText } from '@/citizen/order-words'

const arrive = {
  name: 'arrive', limit: '', whose: 'company', due_at: '2026-11-22T07:43:00Z', level: 'ok' as const, stopped_at: null,
  started_at: '2026-11-22T05:43:00Z', paused_by: null, promise: true, provisional: false, source: '', elapsed_seconds: 120, allowed_seconds: 7200,
}
const now = new Date('2026-11-22T05:45:00Z')

it('a repair crew comes to a fault, our staff to everything else', () => {
  expect(promiseText(arrive, 'fault', now)).toBe('抢修人员最迟今天 15:43 到现场')
  expect(promiseText(arrive, 'service_request', now)).toBe('工作人员最迟今天 15:43 到现场')
  expect(eventText({ event: 'arrive', facts: {} })).toBe('抢修人员到达现场')
  expect(eventText({ event: 'arrive', facts: {} }, 'service_request')).toBe('工作人员到达现场')
})
