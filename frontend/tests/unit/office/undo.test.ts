import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Refused, Unreachable } from '@/api/client'
import type { Item, Keep } from '@/lib/outbox'
import type { Step } from '@/office/api'
import type { StaffOrder } from '@/office/contract'
import { AT_ONCE, hand, HELD, pressedAt, WAIT, type Hand } from '@/office/undo'

const STEP = { number: '4997540671761852', move: 'dispatch', data: { office: 'S-QH-04' }, version: 3 }

function device(): Keep & { items: Map<string, Item> } {
  const items = new Map<string, Item>()
  return {
    items,
    all: async () => [...items.values()],
    put: async (item) => void items.set(item.key, item),
    replace: async (key, by) => {
      items.delete(key)
      for (const item of by) items.set(item.key, item)
    },
  }
}

function server(): { calls: { step: Step; leaving: boolean }[]; fail: unknown; send: (step: Step, leaving?: boolean) => Promise<StaffOrder> } {
  const it = {
    calls: [] as { step: Step; leaving: boolean }[],
    fail: undefined as unknown,
    send: async (step: Step, leaving = false): Promise<StaffOrder> => {
      it.calls.push({ step, leaving })
      if (it.fail !== undefined) throw it.fail
      return { number: step.number, version: 4 } as StaffOrder
    },
  }
  return it
}

describe('a move at the desk', () => {
  let keep = device()
  let office = server()
  let desk: Hand
  let stop = (): void => undefined
  beforeEach(() => {
    vi.useFakeTimers()
    keep = device()
    office = server()
    desk = hand({ keep, send: office.send })
    stop = desk.start()
  })
  afterEach(() => {
    stop()
    vi.useRealTimers()
  })

  it('is kept at once and leaves after ten seconds, not before', async () => {
    expect(await desk.hold(STEP)).toBe(true)
    expect([keep.items.size, desk.left.value]).toEqual([1, 10])

    await vi.advanceTimersByTimeAsync(WAIT - 500)
    expect(office.calls).toEqual([])

    await vi.advanceTimersByTimeAsync(1000)
    expect(office.calls.map(({ step }) => step)).toEqual([{ ...STEP, key: expect.any(String) as string }])
    expect([keep.items.size, desk.held.value, desk.sent.value?.version]).toEqual([0, undefined, 4])
  })

  it('that is taken back is never sent, and gives back what was in its form', async () => {
    await desk.hold(STEP)
    await desk.undo()
    await vi.advanceTimersByTimeAsync(10 * WAIT)

    expect(office.calls).toEqual([])
    expect(keep.items.size).toBe(0)
    expect(desk.undone.value?.step.data).toEqual(STEP.data)
  })

  it('leaves when the next one is made', async () => {
    await desk.hold(STEP)
    await desk.hold({ ...STEP, number: '2952433810159477' })

    expect(office.calls.map(({ step }) => step.number)).toEqual([STEP.number])
    expect(desk.held.value?.step.number).toBe('2952433810159477')
  })

  it('leaves with the page, in a request that outlives it', async () => {
    await desk.hold(STEP)
    dispatchEvent(new Event('pagehide'))
    await vi.advanceTimersByTimeAsync(0)

    expect(office.calls.map(({ leaving }) => leaving)).toEqual([true])
    expect(keep.items.size).toBe(0)
  })

  it('that could not leave with the page leaves on the next visit, under the same key', async () => {
    office.fail = new Unreachable('gone')
    await desk.hold(STEP)
    desk.depart()
    await vi.advanceTimersByTimeAsync(0)
    expect(keep.items.size).toBe(1)
    await vi.advanceTimersByTimeAsync(2 * WAIT)
    expect(desk.stuck.value).toBe(1)
    stop()

    office.fail = undefined
    const next = hand({ keep, send: office.send })
    stop = next.start()
    await vi.advanceTimersByTimeAsync(4 * WAIT)

    const keys = office.calls.map(({ step }) => step.key)
    expect(keep.items.size).toBe(0)
    expect(new Set(keys).size).toBe(1)
  })

  it('that the server refuses comes back to its author with what was typed', async () => {
    office.fail = new Refused({ type: '/problems/stale', title: '别人已先处理', status: 412 })
    await desk.hold(STEP)
    await desk.release()

    expect(desk.box.drafts.value.map(({ body, refused }) => [(body as Step).data, refused?.code])).toEqual([[STEP.data, 'stale']])
    expect(desk.box.waiting.value).toBe(0)
  })

  it('is for its maker to send where the device keeps nothing', async () => {
    keep.all = () => Promise.reject(new Error('forbidden'))
    expect(await desk.hold(STEP)).toBe(false)
    expect(office.calls).toEqual([])
  })
})

it('a press never lies before the step before it', () => {
  const order = { timeline: [{ at: '2026-11-22T10:00:02+08:00' }] } as unknown as StaffOrder
  expect(pressedAt(order, new Date('2026-11-22T02:00:01Z'))).toBe('2026-11-22T02:00:02.000Z')
  expect(pressedAt(order, new Date('2026-11-22T02:00:09Z'))).toBe('2026-11-22T02:00:09.000Z')
})

it('every move that the server names is decided: it waits, or leaves at once', () => {
  const words = readFileSync(join(import.meta.dirname, '../../../../chalicelib/domain/words.py'), 'utf8')
  const named = [...words.matchAll(/^ {4}"move\.(\w+)"/gm)].map(([, name = '']) => name)
  const nobodys = [
    'opened', 'timer', 'replanned', 'rate', 'absorb', 'release', 'close_with_parent',
    'join_issue', 'leave_issue', 'block_archive', 'unblock_archive', // written by the issue
  ]
  const decided: string[] = [...Object.keys(HELD), ...Object.keys(AT_ONCE), ...nobodys]
  expect(named.length).toBeGreaterThan(30)
  expect(named.filter((name) => !decided.includes(name))).toEqual([])
  expect(Object.keys(HELD).filter((name) => name in AT_ONCE)).toEqual([])
})
