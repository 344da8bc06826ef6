import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { PublicOrder } from '@/api/contract'
import OrderActions from '@/citizen/OrderActions.vue'

const NOW = new Date('2026-11-22T09:00:00Z')
const NUMBER = '3692230594531801'

/** A complaint on the ledger: what the citizen may do to the order, and to the issue that it opened. */
const complaint = (can: PublicOrder['can'], ofIssue: ('add' | 'not_solved')[], closed_at: string | null = null): PublicOrder =>
  ({
    number: NUMBER, kind: 'complaint', sub_type: '', stage: 'received', public_stage: closed_at === null ? 'working' : 'closed',
    occurred_at: '2026-11-20T01:00:00Z', place_name: '', summary: '', promise: null, promises: [], apology: false, delay_reason: null,
    suspended: null, timeline: [], can, expedite_from: null, rating: null, closed_at, hotline: '95598', version: 5,
    issue: { step: 'handling', text: '正在处理', at: '2026-11-21T01:00:00Z', again: false, can: ofIssue },
  }) as unknown as PublicOrder

const answer = (status: number, body: object): Response => new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } })

describe('a citizen whose complaint is on the ledger', () => {
  const sent = vi.fn<typeof fetch>()
  const said: { path: string; key: string | null; token: string | null; body: unknown }[] = []

  beforeEach(() => {
    said.length = 0
    sent.mockReset()
    sent.mockImplementation(async (input) => {
      const request = input as Request
      said.push({ path: new URL(request.url).pathname, key: request.headers.get('Idempotency-Key'), token: request.headers.get('Tracking-Token'), body: await request.clone().json() })
      return answer(200, complaint([], ['add']))
    })
    vi.stubGlobal('fetch', sent)
  })
  afterEach(() => vi.unstubAllGlobals())

  const open = (order: PublicOrder) => mount(OrderActions, { props: { order, token: 'secret', now: NOW }, attachTo: document.body })
  const press = async (page: VueWrapper, name: string): Promise<void> => {
    await page.findAll('button').find((button) => button.text() === name)?.trigger('click')
    await flushPromises()
  }
  const send = async (page: VueWrapper, words: string): Promise<void> => {
    await page.get('textarea').setValue(words)
    await page.get('form').trigger('submit')
    await flushPromises()
  }

  it('adds words to the issue where the order takes none, and sees that they arrived', async () => {
    const page = open(complaint([], ['add']))
    await press(page, '补充说明或照片')
    expect(page.text()).not.toContain('拍照或选照片') // the issue takes words only
    await send(page, '  昨晚又停了一次  ')

    expect(said).toEqual([{ path: `/api/v1/public/orders/${NUMBER}/add`, key: expect.stringMatching(/./) as string, token: 'secret', body: { note: '昨晚又停了一次' } }])
    expect(page.emitted('changed')).toHaveLength(1)
    expect(page.find('form').exists()).toBe(false)
    expect(page.get('[aria-live]').text()).not.toBe('')
    page.unmount()
  })

  it('is asked for words before anything is sent, and keeps the form', async () => {
    const page = open(complaint([], ['add']))
    await press(page, '补充说明或照片')
    await send(page, '   ')

    expect(said).toEqual([])
    expect(page.get('form').text()).toContain('请填写')
    page.unmount()
  })

  it('says that it is not solved once it is closed; a lost answer is asked for again under the same key', async () => {
    sent.mockImplementationOnce(async (input) => {
      const request = input as Request
      said.push({ path: new URL(request.url).pathname, key: request.headers.get('Idempotency-Key'), token: null, body: null })
      return Promise.reject(new TypeError('network'))
    })
    const page = open(complaint([], ['not_solved'], '2026-11-21T09:00:00Z'))
    await press(page, '没有解决')
    await send(page, '电压还是低')
    expect(page.emitted('changed')).toBeUndefined()
    expect(page.get('textarea').element.value).toBe('电压还是低')

    await press(page, '重试')
    expect(said.map(({ path }) => path)).toEqual([`/api/v1/public/orders/${NUMBER}/not-solved`, `/api/v1/public/orders/${NUMBER}/not-solved`])
    expect(said[0]?.key).toBe(said[1]?.key)
    expect(page.emitted('changed')).toHaveLength(1)
    page.unmount()
  })

  it('opens the order again where that is still possible, and the ledger hears of it by the order', async () => {
    const page = open(complaint(['reopen'], ['not_solved'], '2026-11-21T09:00:00Z'))
    await press(page, '没有解决')
    await send(page, '电压还是低')
    expect(said.map(({ path }) => path)).toEqual([`/api/v1/public/orders/${NUMBER}/reopen`])
    page.unmount()
  })

  it('is not asked whether it is solved while it is being worked on', () => {
    const page = open(complaint([], ['add', 'not_solved']))
    expect(page.findAll('button').map((button) => button.text())).toEqual(['补充说明或照片'])
    page.unmount()
  })
})
