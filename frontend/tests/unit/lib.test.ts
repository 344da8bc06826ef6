import { effectScope, nextTick } from 'vue'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Refused, refusal, Unreachable } from '@/api/client'
import { learnServerDate, serverNow } from '@/lib/clock'
import { explain } from '@/lib/explain'
import { uuid } from '@/lib/ids'
import { useLoad } from '@/lib/load'
import { fit } from '@/lib/photo'

describe('ids', () => {
  it('are version 4 and never twice', () => {
    const ids = Array.from({ length: 1000 }, uuid)
    expect(new Set(ids).size).toBe(1000)
    expect(ids.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id))).toBe(true)
  })
})

describe('a photo', () => {
  it('is shrunk to 1600 on its longest side and never enlarged', () => {
    expect(fit(4000, 3000)).toEqual({ width: 1600, height: 1200 })
    expect(fit(3000, 4000)).toEqual({ width: 1200, height: 1600 })
    expect(fit(800, 600)).toEqual({ width: 800, height: 600 })
    expect(fit(20_000, 3)).toEqual({ width: 1600, height: 1 })
  })
})

describe('the clock', () => {
  afterEach(() => {
    learnServerDate(new Date().toUTCString())
  })

  it('follows the server’s when the phone’s is wrong', () => {
    learnServerDate(new Date(Date.now() + 3_600_000).toUTCString())
    expect(Math.abs(serverNow().getTime() - Date.now() - 3_600_000)).toBeLessThan(2000)
  })

  it('ignores what is no date, and differences that are only rounding', () => {
    learnServerDate(new Date(Date.now() - 900).toUTCString())
    learnServerDate('yesterday')
    learnServerDate(null)
    expect(Math.abs(serverNow().getTime() - Date.now())).toBeLessThan(50)
  })
})

describe('a failure in words', () => {
  const answer = (status: number, headers: Record<string, string> = {}): Response => new Response('', { status, headers })

  it('says "no network" only when there was no answer', () => {
    expect(explain(new Unreachable('x')).title).toBe('连不上服务器')
  })

  it('gives a refusal in the server’s words', () => {
    const refused = refusal(answer(409), { type: '/problems/illegal-move', title: '现在不能撤回', detail: '抢修人员已到现场', status: 409 })
    expect(refused.code).toBe('illegal-move')
    expect(explain(refused)).toEqual({ title: '现在不能撤回', text: '抢修人员已到现场' })
  })

  it('tells how long to wait', () => {
    const refused = refusal(answer(429, { 'Retry-After': '600' }), { type: '/problems/too-many', title: '试的次数太多', status: 429 })
    expect(explain(refused).text).toBe('操作太频繁，请 10 分钟 后再试。')
  })

  it('never shows what a broken server said', () => {
    const refused = refusal(answer(502), '<html>Bad gateway</html>')
    expect(explain(refused).title).toBe('服务器出了问题')
    expect(explain(new Error('bug')).title).toBe('服务器出了问题')
  })

  it.each([
    [400, true],
    [401, false],
    [404, true],
    [409, true],
    [422, true],
    [429, false],
    [500, false],
    [503, false],
  ])('%d is for good: %s', (status, forGood) => {
    expect(new Refused({ type: '', title: '', status }).forGood).toBe(forGood)
  })
})

describe('loading', () => {
  it('keeps the old content while refreshing and after a failure', async () => {
    let next: () => Promise<number> = () => Promise.resolve(1)
    const load = effectScope(true).run(() => useLoad(() => next()))
    if (load === undefined) throw new Error('no scope')
    await nextTick()
    await nextTick()
    expect(load.data.value).toBe(1)
    next = () => Promise.reject(new Error('x'))
    await load.reload()
    expect(load.data.value).toBe(1)
    expect(load.error.value).toBeInstanceOf(Error)
    next = () => Promise.resolve(2)
    await load.reload()
    expect([load.data.value, load.error.value]).toEqual([2, undefined])
  })

  it('shows "loading" only after 300 ms, and an old answer never overwrites a newer one', async () => {
    vi.useFakeTimers()
    const answers: ((n: number) => void)[] = []
    const load = effectScope(true).run(() => useLoad(() => new Promise<number>((resolve) => answers.push(resolve))))
    if (load === undefined) throw new Error('no scope')
    vi.advanceTimersByTime(299)
    expect(load.slow.value).toBe(false)
    vi.advanceTimersByTime(1)
    expect(load.slow.value).toBe(true)
    void load.reload()
    answers[1]?.(2)
    await vi.runAllTimersAsync()
    answers[0]?.(1)
    await vi.runAllTimersAsync()
    expect([load.data.value, load.slow.value, load.busy.value]).toEqual([2, false, false])
    vi.useRealTimers()
  })
})
