import { readonly, ref, type Ref } from 'vue'
import { uuid } from './ids'

/** Something to send that must survive a lost network, a closed page and a lost reply. */
export interface Item<Body = unknown> {
  /** Sent as the Idempotency-Key: repeating a send is harmless. */
  key: string
  kind: string
  body: Body
  /** Milliseconds since 1970 on this device. */
  savedAt: number
  /** Set when the server refused it for good: it waits for its author, not for the network. */
  refused?: { code: string; errors: readonly { field: string; code: string; detail?: string }[]; detail: string }
}

export type NewItem<Body = unknown> = Pick<Item<Body>, 'kind' | 'body'> & { key?: string }

/** Where items are kept. `replace` is one transaction. */
export interface Keep {
  all(): Promise<Item[]>
  put(item: Item): Promise<void>
  replace(key: string, by: readonly Item[]): Promise<void>
}

export interface Sent<Answer> {
  answer: Answer
  /** What follows from it (photos of an accepted report): kept in the same step in which the item goes. */
  then?: readonly NewItem[]
}

/** Keep what `send` learnt on the way (ids of uploads), so that a repetition says the same. */
export type Amend = (body: unknown) => Promise<void>

/** Thrown by `send` when trying again cannot help; the item comes back as a draft. */
export class Refusal extends Error {
  override name = 'Refusal'
  readonly facts: NonNullable<Item['refused']>

  constructor(facts: NonNullable<Item['refused']>) {
    super(facts.detail)
    this.facts = facts
  }
}

export type Outcome<Answer> =
  | { state: 'sent'; answer: Answer; /** Photos that neither left nor could be kept. */ lost?: number }
  | { state: 'waiting' }
  | { state: 'refused'; facts: NonNullable<Item['refused']> }

export interface Outbox<Answer> {
  /** How many wait for the network. */
  waiting: Readonly<Ref<number>>
  /** Refused items, for their author to mend. */
  drafts: Readonly<Ref<readonly Item[]>>
  /** Save first, then send. Rejects only if the device can keep nothing and the network is away too. */
  put(item: NewItem): Promise<Outcome<Answer>>
  /** Send what waits. */
  flush(): Promise<void>
  /** Take an item away: a draft that was mended or thrown away. */
  drop(key: string): Promise<void>
  /** Flush now, on `online`, when the page is seen again and every 30 s. Returns how to stop. */
  start(): () => void
}

/**
 * An outbox: `send` delivers one item and throws `Refusal` when it is refused for good; any other error means "later".
 * `onSent` hears of every delivery, also those of an earlier visit. Items of one `lane` leave in the order in which
 * they were put (a crew cannot arrive before it took the order); lanes do not wait for each other. By default each
 * item has its own. An item that is not `ready` yet holds its lane until a later flush.
 */
export function outbox<Answer>(options: {
  keep: Keep
  send: (item: Item, amend: Amend) => Promise<Sent<Answer>>
  onSent?: (item: Item, answer: Answer) => void
  lane?: (item: Item) => string
  ready?: (item: Item) => boolean
}): Outbox<Answer> {
  const { keep, send, onSent, lane = (item) => item.key, ready = () => true } = options
  const waiting = ref(0)
  const drafts = ref<readonly Item[]>([])
  /** Lanes under way: a timer and a tap never send the same item twice at once. */
  const running = new Map<string, Promise<void>>()
  /** What became of the items that somebody waits for. */
  const awaited = new Map<string, Outcome<Answer>>()
  let lastSaved = 0

  async function count(): Promise<void> {
    const items = await keep.all()
    waiting.value = items.filter((item) => item.refused === undefined).length
    drafts.value = items.filter((item) => item.refused !== undefined)
  }

  const fresh = (item: NewItem): Item => ({
    key: item.key ?? uuid(),
    kind: item.kind,
    body: item.body,
    savedAt: (lastSaved = Math.max(Date.now(), lastSaved + 1)), // no two alike: it is the order of leaving
  })

  async function deliver(item: Item): Promise<Outcome<Answer>> {
    try {
      const { answer, then = [] } = await send(item, (body) => keep.put({ ...item, body }))
      const next = then.map(fresh)
      await keep.replace(item.key, next)
      await count()
      onSent?.(item, answer)
      for (const follower of next) begin(lane(follower))
      return { state: 'sent', answer }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      await keep.put({ ...item, refused: error.facts })
      await count()
      return { state: 'refused', facts: error.facts }
    }
  }

  /** A device that can keep nothing (storage forbidden or full) must still be able to report. */
  async function directly(item: Item): Promise<Outcome<Answer>> {
    try {
      const forget: Amend = () => Promise.resolve()
      const { answer, then = [] } = await send(item, forget)
      const ends = await Promise.allSettled(then.map((next) => send(fresh(next), forget)))
      return { state: 'sent', answer, lost: ends.filter((end) => end.status === 'rejected').length }
    } catch (error) {
      if (error instanceof Refusal) return { state: 'refused', facts: error.facts }
      throw error
    }
  }

  const isWaiting = (item: Item): boolean => item.refused === undefined

  /** Send a lane's items, oldest first, until one cannot leave now: it stays where it is, and `waiting` says so. */
  async function drain(name: string): Promise<void> {
    const first = async (): Promise<Item | undefined> =>
      (await keep.all())
        .filter((item) => isWaiting(item) && lane(item) === name)
        .sort((a, b) => a.savedAt - b.savedAt)[0]
    for (let item = await first(); item !== undefined && ready(item); item = await first()) {
      try {
        const outcome = await deliver(item)
        if (awaited.has(item.key)) awaited.set(item.key, outcome)
      } catch {
        return
      }
    }
  }

  function run(name: string): Promise<void> {
    const mine =
      running.get(name) ??
      drain(name).finally(() => {
        running.delete(name)
      })
    running.set(name, mine)
    return mine
  }

  /** Nothing can wait on a device that keeps nothing, so a failing store is no failure here. */
  const begin = (name: string): void => void run(name).catch(() => undefined)
  const go = (): void => void flush().catch(() => undefined)

  async function flush(): Promise<void> {
    const lanes = new Set((await keep.all()).filter(isWaiting).map(lane))
    await Promise.all([...lanes].map(run))
  }

  return {
    waiting: readonly(waiting),
    drafts: drafts as Readonly<Ref<readonly Item[]>>,
    flush,
    async put(given) {
      const item = fresh(given)
      try {
        await keep.put(item)
      } catch {
        return directly(item)
      }
      awaited.set(item.key, { state: 'waiting' })
      await running.get(lane(item)) // it may have looked before this item was there
      await run(lane(item))
      const outcome = awaited.get(item.key) ?? { state: 'waiting' }
      awaited.delete(item.key)
      await count()
      return outcome
    },
    async drop(key) {
      await keep.replace(key, [])
      await count()
    },
    start() {
      const seen = (): void => {
        if (document.visibilityState === 'visible') go()
      }
      addEventListener('online', go)
      document.addEventListener('visibilitychange', seen)
      const timer = setInterval(go, 30_000)
      void count().then(go, go)
      return () => {
        removeEventListener('online', go)
        document.removeEventListener('visibilitychange', seen)
        clearInterval(timer)
      }
    },
  }
}

/** Items in IndexedDB, which keeps photos (Blobs) too. */
export function indexedKeep(name: string): Keep {
  const STORE = 'items'
  let opened: Promise<IDBDatabase> | undefined

  function open(): Promise<IDBDatabase> {
    opened ??= new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(name, 1)
      request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'key' })
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(request.error ?? new Error('indexedDB'))
    })
    opened.catch(() => {
      opened = undefined
    })
    return opened
  }

  async function run<T>(mode: IDBTransactionMode, work: (items: IDBObjectStore) => T): Promise<T> {
    const database = await open()
    return new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(STORE, mode)
      const result = work(transaction.objectStore(STORE))
      transaction.oncomplete = () => resolve(result)
      transaction.onabort = () => reject(transaction.error ?? new Error('indexedDB'))
    })
  }

  return {
    all: async () => (await run('readonly', (items) => items.getAll() as IDBRequest<Item[]>)).result,
    put: async (item) => void (await run('readwrite', (items) => items.put(item))),
    replace: async (key, by) =>
      run('readwrite', (items) => {
        items.delete(key)
        for (const item of by) items.put(item)
      }),
  }
}
