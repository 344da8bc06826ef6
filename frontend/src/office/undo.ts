import { readonly, ref, shallowReadonly, shallowRef, type Ref, type ShallowRef } from 'vue'
import { serverNow } from '@/lib/clock'
import { uuid } from '@/lib/ids'
import { indexedKeep, outbox, type Item, type Keep, type Outbox } from '@/lib/outbox'
import { forGood, makeMove, type Step } from './api'
import type { StaffOrder } from './contract'

/**
 * Which moves wait ten seconds at the desk before they leave, so that a slip can be taken back, and why. A move that
 * is not sent has told nobody: that is the only undo that is whole. It carries the instant of the press, so that no
 * clock loses by the wait.
 */
export const HELD = {
  dispatch: 'a wrong unit would set out, and the citizen be told of it',
  dispatch_grid: 'as dispatch',
  rule: 'ends the dispute between units',
  reassign: 'takes the order out of one hand and puts it into another',
  reject: 'counts as a bounce of the unit for good',
  reply: 'is what the citizen hears',
  answer: 'is what the citizen hears, and closes',
  record: 'closes',
  approve_reply: 'tells the citizen that it is done',
  return_reply: 'sends the crew back',
  visit_satisfied: 'is a customer’s word, and enters the figures',
  visit_dissatisfied: 'reopens and tells the citizen',
  archive: 'closes',
  archive_anonymous: 'closes',
  suspend: 'stops clocks',
  supervise: 'calls a unit to account',
  escalate: 'takes the order out of the county’s hand',
  reopen: 'starts all over and tells the citizen',
  withdraw: 'ends the order',
  terminate: 'ends the order',
  raise_grade: 'moves clocks, and the complaint counts as graver',
  correct_grade: 'moves clocks, and the complaint counts as lighter',
  correct_kind: 'moves clocks and tells the citizen',
  correct_phone: 'texts go to another person',
  correct_place: 'another unit’s ground',
  correct_archive: 'opens a closed file',
} as const

/** Those that leave at once, and why. */
export const AT_ONCE = {
  receive: 'its time counts by the second',
  set_out: 'its time counts by the second',
  arrive: 'its time counts by the second',
  restore: 'its time counts by the second, and homes wait to hear it',
  restore_part: 'it starts the five minutes in which somebody enters for whom',
  complete: 'its time counts by the second',
  contact: 'has happened already',
  explain_delay: 'has happened already',
  visit_unreached: 'has happened already',
  resume: 'starts clocks again',
  note: 'adds, and changes nothing',
  supplement: 'adds, and changes nothing',
  expedite: 'adds, and changes nothing',
  answer_supervision: 'adds, and changes nothing',
  merge: 'touches two orders at once, and has its own way back',
  unmerge: 'is that way back',
} as const

export const isHeld = (move: string): boolean => move in HELD

export const WAIT = 10_000
/** An answer may take this long before we say that something waits. */
const PATIENCE = 3000

/** A move as it waits: when it may leave, in milliseconds since 1970 on this device. */
export interface Waiting extends Omit<Step, 'key'> {
  until: number
}

export interface Held {
  key: string
  step: Waiting
}

const toStep = ({ key, step: { number, move, data, occurred_at, recorded_for, version } }: Held): Step => ({
  number, move, data, occurred_at, recorded_for, version, key,
})

type Sender = (step: Step, leaving?: boolean) => Promise<StaffOrder>

export interface Hand {
  /** The move that can still be taken back. */
  held: Readonly<ShallowRef<Held | undefined>>
  /** Seconds left to do so. */
  left: Readonly<Ref<number>>
  /** What the server took last. */
  sent: Readonly<ShallowRef<StaffOrder | undefined>>
  /** What was taken back last: its form opens again with what was in it. */
  undone: ShallowRef<Held | undefined>
  box: Outbox<StaffOrder>
  /** How many should have left and have not: the network is away, or the server busy. */
  stuck: Readonly<Ref<number>>
  /** Keep a move and let it wait; the one before leaves now. False if this device can keep nothing: send it yourself. */
  hold: (step: Omit<Step, 'key'>) => Promise<boolean>
  /** Take it back: it was never sent. */
  undo: () => Promise<void>
  /** Send it now. */
  release: () => Promise<void>
  /** The page goes: send it with a request that outlives the page; it stays kept until the server has answered. */
  depart: () => void
  /** Send what an earlier visit left; returns how to stop. */
  start: () => () => void
}

/** The desk's hand on moves that wait. Never more than one can be taken back. */
export function hand(options: { keep: Keep; send: Sender }): Hand {
  const { keep, send } = options
  const held = shallowRef<Held>()
  const sent = shallowRef<StaffOrder>()
  const undone = shallowRef<Held>()
  const left = ref(0)
  const stuck = ref(0)
  const released = new Set<string>()
  let timer: ReturnType<typeof setInterval> | undefined

  const box = outbox<StaffOrder>({
    keep,
    send: async (item) => {
      try {
        return { answer: await send(toStep({ key: item.key, step: (item as Item<Waiting>).body })) }
      } catch (error) {
        throw forGood(error)
      }
    },
    onSent: (_, answer) => {
      sent.value = answer
    },
    lane: (item) => (item as Item<Waiting>).body.number,
    ready: (item) => released.has(item.key) || (item as Item<Waiting>).body.until <= Date.now(),
  })

  async function look(): Promise<void> {
    const before = Date.now() - PATIENCE
    const items = box.waiting.value === 0 ? [] : await keep.all()
    stuck.value = items.filter((item) => item.refused === undefined && (item as Item<Waiting>).body.until < before).length
  }

  /** From here on it cannot be taken back. */
  function letGo(): Held | undefined {
    const gone = held.value
    clearInterval(timer)
    held.value = undefined
    left.value = 0
    if (gone !== undefined) released.add(gone.key)
    return gone
  }

  async function release(): Promise<void> {
    if (letGo() !== undefined) await box.flush()
  }

  function tick(): void {
    const rest = (held.value?.step.until ?? 0) - Date.now()
    left.value = Math.max(0, Math.ceil(rest / 1000))
    if (rest <= 0) void release().catch(() => undefined) // it stays kept, and leaves with the next flush
  }

  async function hold(step: Omit<Step, 'key'>): Promise<boolean> {
    const before = release()
    const item = { key: uuid(), step: { ...step, until: Date.now() + WAIT } }
    try {
      await keep.all()
      const outcome = await box.put({ kind: 'move', key: item.key, body: item.step })
      if (outcome.state === 'refused') return false
      if (outcome.state === 'sent') {
        sent.value = outcome.answer // it could not be kept, and has left
        return true
      }
    } catch {
      return false
    }
    held.value = item
    tick()
    timer = setInterval(tick, 250)
    await before.catch(() => undefined)
    return true
  }

  return {
    held: shallowReadonly(held),
    left: readonly(left),
    stuck: readonly(stuck),
    sent: shallowReadonly(sent),
    undone,
    box,
    hold,
    release,
    async undo() {
      const back = letGo()
      if (back === undefined) return
      released.delete(back.key)
      await box.drop(back.key)
      undone.value = back
    },
    depart() {
      const gone = letGo()
      if (gone === undefined) return
      void send(toStep(gone), true).then(
        async (answer) => {
          await box.drop(gone.key)
          sent.value = answer
        },
        () => undefined, // it is kept, and the same key makes the next try harmless
      )
    },
    start() {
      const stop = box.start()
      const again = setTimeout(() => void box.flush().catch(() => undefined), WAIT) // what departed with the last page
      const eye = setInterval(() => void look().catch(() => undefined), PATIENCE)
      const hidden = (): void => {
        if (document.visibilityState === 'hidden') this.depart()
      }
      const leave = (): void => this.depart()
      document.addEventListener('visibilitychange', hidden)
      addEventListener('pagehide', leave)
      return () => {
        stop()
        clearTimeout(again)
        clearInterval(eye)
        clearInterval(timer)
        document.removeEventListener('visibilitychange', hidden)
        removeEventListener('pagehide', leave)
      }
    },
  }
}

/** When it happened: now, but not before the last step of the order, whose clock is the server's. */
export function pressedAt(order: Pick<StaffOrder, 'timeline'>, now = serverNow()): string {
  const last = Math.max(0, ...order.timeline.map(({ at }) => Date.parse(at)))
  return new Date(Math.max(now.getTime(), last)).toISOString()
}

let mine: { staff: string; hand: Hand } | undefined

/** The hand of one person on this device: what one noted is never sent in another's name. */
export function handOf(staff: string): Hand {
  if (mine?.staff !== staff) {
    mine = { staff, hand: hand({ keep: indexedKeep(`lightkeeper-desk-${staff}`), send: makeMove }) }
    mine.hand.start()
  }
  return mine.hand
}
