import { indexedKeep, outbox, type Amend, type Item, type Outbox } from '@/lib/outbox'
import { forGood, makeMove, upload } from '../api'
import type { Facts, StaffOrder } from '../contract'

/** One step of a crew as it waits: it says when it happened, so that the clocks run from then. */
export interface Waiting {
  number: string
  move: string
  data: Facts
  occurred_at: string
  photos: Blob[]
  /** Under which name the photos go into the move. */
  photosAs: string
  /** Ids given so far: a repeated step must carry the same. */
  ids: string[]
}

async function send(item: Item, amend: Amend): Promise<{ answer: StaffOrder }> {
  const step = (item as Item<Waiting>).body
  try {
    for (const photo of step.photos.slice(step.ids.length)) {
      step.ids.push(await upload(step.number, photo))
      await amend(step)
    }
    const data = step.ids.length === 0 ? step.data : { ...step.data, [step.photosAs]: step.ids }
    const { number, move, occurred_at } = step
    return { answer: await makeMove({ number, move, data, occurred_at, key: item.key }) }
  } catch (error) {
    throw forGood(error)
  }
}

const boxes = new Map<string, Outbox<StaffOrder>>()

/** The outbox of one person on this device: what one crew member noted is never sent in another's name. */
export function crewBox(staff: string): Outbox<StaffOrder> {
  let box = boxes.get(staff)
  if (box === undefined) {
    box = outbox<StaffOrder>({
      keep: indexedKeep(`lightkeeper-crew-${staff}`),
      send,
      lane: (item) => (item as Item<Waiting>).body.number, // nobody arrives before the order is taken
    })
    box.start()
    boxes.set(staff, box)
  }
  return box
}
