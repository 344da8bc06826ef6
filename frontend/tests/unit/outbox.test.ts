import { describe, expect, it, vi } from 'vitest'
import { outbox, Refusal, type Item, type Keep, type Sent } from '@/lib/outbox'

/** A device that keeps items, as IndexedDB would; `broken` is private mode with storage forbidden. */
function device(broken = false): Keep & { items: Map<string, Item> } {
  const items = new Map<string, Item>()
  return {
    items,
    all: async () => {
      if (broken) throw new Error('forbidden')
      return [...items.values()]
    },
    put: async (item) => {
      if (broken) throw new Error('forbidden')
      items.set(item.key, item)
    },
    replace: async (key, by) => {
      if (broken) throw new Error('forbidden')
      items.delete(key)
      for (const item of by) items.set(item.key, item)
    },
  }
}

/** A server behind a network that can be cut, that may refuse, and that remembers keys. */
function server() {
  const seen = new Map<string, number>()
  const state = { online: true, loseReply: false, refuse: false, order: [] as string[] }
  async function send(item: Item): Promise<Sent<string>> {
    if (!state.online) throw new TypeError('network')
    if (state.refuse) throw new Refusal({ code: 'invalid', errors: [{ field: 'phone', code: 'phone_format' }], detail: '' })
    if (!seen.has(item.key)) state.order.push(String(item.body))
    seen.set(item.key, (seen.get(item.key) ?? 0) + 1)
    if (state.loseReply) throw new TypeError('reply lost')
    return { answer: `no-${String(item.body)}` }
  }
  return { seen, state, send }
}

describe('the outbox', () => {
  it('saves first, then sends, then forgets', async () => {
    const keep = device()
    const { send } = server()
    let keptAtSend = 0
    const box = outbox<string>({
      keep,
      send: async (item) => {
        keptAtSend = keep.items.size
        return send(item)
      },
    })

    const outcome = await box.put({ kind: 'report', body: 1 })

    expect(outcome).toEqual({ state: 'sent', answer: 'no-1' })
    expect(keptAtSend).toBe(1)
    expect(keep.items.size).toBe(0)
    expect(box.waiting.value).toBe(0)
  })

  it('keeps a report while the network is away, and sends each once when it is back', async () => {
    const keep = device()
    const { send, state, seen } = server()
    const sent: string[] = []
    const box = outbox<string>({ keep, send, onSent: (_, answer) => sent.push(answer) })
    state.online = false

    const outcome = await box.put({ kind: 'report', body: 'a' })
    await box.put({ kind: 'report', body: 'b' })
    expect(outcome).toEqual({ state: 'waiting' })
    expect(box.waiting.value).toBe(2)
    await box.flush()
    expect(keep.items.size).toBe(2)

    state.online = true
    await Promise.all([box.flush(), box.flush()])
    expect(sent.sort()).toEqual(['no-a', 'no-b'])
    expect([...seen.values()]).toEqual([1, 1])
    expect(box.waiting.value).toBe(0)
  })

  it('sends the items of one lane in their order, and other lanes without waiting for them', async () => {
    const keep = device()
    const { send, state } = server()
    let stuck = true
    const box = outbox<string>({
      keep,
      lane: (item) => item.kind,
      send: async (item) => {
        if (stuck && item.body === 'receive') throw new TypeError('network')
        return send(item)
      },
    })

    expect(await box.put({ kind: 'order-1', body: 'receive' })).toEqual({ state: 'waiting' })
    expect(await box.put({ kind: 'order-1', body: 'arrive' })).toEqual({ state: 'waiting' })
    expect(await box.put({ kind: 'order-2', body: 'reply' })).toEqual({ state: 'sent', answer: 'no-reply' })
    stuck = false
    expect(await box.put({ kind: 'order-1', body: 'restore' })).toEqual({ state: 'sent', answer: 'no-restore' })
    expect(state.order).toEqual(['reply', 'receive', 'arrive', 'restore'])
  })

  it('repeats with the same key after a lost reply', async () => {
    const keep = device()
    const { send, state, seen } = server()
    const box = outbox<string>({ keep, send })
    state.loseReply = true
    await box.put({ kind: 'report', body: 'a' })

    state.loseReply = false
    await box.flush()

    expect([...seen.values()]).toEqual([2])
    expect(state.order).toEqual(['a'])
    expect(keep.items.size).toBe(0)
  })

  it('does not hold a new report up behind photos that hang', async () => {
    const keep = device()
    let release: (() => void) | undefined
    const box = outbox<string>({
      keep,
      send: (item) =>
        item.kind === 'photo'
          ? new Promise((resolve) => (release = () => resolve({ answer: 'photo' })))
          : Promise.resolve({ answer: 'report', then: item.body === 1 ? [{ kind: 'photo', body: 'p' }] : [] }),
    })
    await box.put({ kind: 'report', body: 1 })
    await vi.waitFor(() => expect(release).toBeDefined())

    expect(await box.put({ kind: 'report', body: 2 })).toEqual({ state: 'sent', answer: 'report' })
    release?.()
    await vi.waitFor(() => expect(keep.items.size).toBe(0))
  })

  it('keeps what was learnt on the way, so that a repetition says the same', async () => {
    const keep = device()
    const said: unknown[] = []
    let lose = true
    const box = outbox<string>({
      keep,
      send: async (item, amend) => {
        const body = item.body as { id?: string }
        body.id ??= `upload-${said.length}`
        await amend(body)
        said.push(body.id)
        if (lose) throw new TypeError('reply lost')
        return { answer: 'ok' }
      },
    })
    await box.put({ kind: 'photo', body: {} })
    lose = false
    await box.flush()
    expect(said).toEqual(['upload-0', 'upload-0'])
  })

  it('brings a refused report back as a draft, and does not send it again', async () => {
    const keep = device()
    const { send, state, seen } = server()
    const box = outbox<string>({ keep, send })
    state.online = false
    await box.put({ kind: 'report', body: 'a', key: 'k' })
    state.online = true
    state.refuse = true
    await box.flush()

    expect(box.waiting.value).toBe(0)
    expect(box.drafts.value.map((item) => item.refused?.errors[0]?.code)).toEqual(['phone_format'])
    state.refuse = false
    await box.flush()
    expect(seen.size).toBe(0)

    await box.drop('k')
    expect(box.drafts.value).toEqual([])
  })

  it('keeps what follows in the same step: photos of a report that was accepted', async () => {
    const keep = device()
    const { send, state } = server()
    const box = outbox<string>({
      keep,
      send: async (item) => {
        const done = await send(item)
        if (item.kind !== 'report') return done
        state.online = false
        return { ...done, then: [{ kind: 'photo', body: 'p' }] }
      },
    })

    const outcome = await box.put({ kind: 'report', body: 'a' })
    expect(outcome).toEqual({ state: 'sent', answer: 'no-a' })
    await box.flush()
    expect([...keep.items.values()].map((item) => item.kind)).toEqual(['photo'])

    state.online = true
    await box.flush()
    expect(state.order).toEqual(['a', 'p'])
    expect(keep.items.size).toBe(0)
  })

  it('still reports from a device that can keep nothing, and says so when the network is away too', async () => {
    const { send, state } = server()
    const box = outbox<string>({ keep: device(true), send })

    expect(await box.put({ kind: 'report', body: 'a' })).toEqual({ state: 'sent', answer: 'no-a', lost: 0 })
    state.online = false
    await expect(box.put({ kind: 'report', body: 'b' })).rejects.toThrow('network')
  })
})
