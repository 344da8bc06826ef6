import { postOrder, supplement, upload } from '@/api/citizen'
import { Refused } from '@/api/client'
import type { Accepted, NewOrder } from '@/api/contract'
import { indexedKeep, outbox, Refusal, type Amend, type Item, type Sent } from '@/lib/outbox'
import type { Draft } from './draft'
import type { FlowName } from './flows'
import { remember } from './mine'
import { orders } from './orders'

/** A report as it waits: what is sent, and what brings it back to its form if it is refused. */
export interface Report {
  flow: FlowName
  draft: Draft
  order: NewOrder
  photos: Blob[]
}

/** Photos follow an accepted report, so that a weak network cannot hold the report up. */
interface Photos {
  number: string
  token: string
  photos: Blob[]
  /** Ids given so far: a repeated supplement must carry the same. */
  ids: string[]
}

/** Staff read it in the order's history. */
const PHOTOS_NOTE = '照片'

type Answer = Accepted | undefined

async function sendReport(item: Item<Report>, amend: Amend): Promise<Sent<Answer>> {
  const { order, photos } = item.body
  const post = async (): Promise<Accepted> => {
    try {
      return await postOrder(order, item.key)
    } catch (error) {
      const early = error instanceof Refused && error.problem.errors?.some(({ field }) => field === 'occurred_at')
      if (early !== true) throw error
      // A phone whose clock is wrong says so by an impossible time; the server's own time is better than a lost report.
      delete order.occurred_at
      await amend(item.body)
      return postOrder(order, item.key)
    }
  }
  const answer = await post()
  const { number, token } = answer
  const follow: Photos = { number, token, photos, ids: [] }
  return { answer, then: photos.length === 0 ? [] : [{ kind: 'photos', body: follow }] }
}

async function sendPhotos(item: Item<Photos>, amend: Amend): Promise<Sent<Answer>> {
  const { number, token, photos, ids } = item.body
  for (const photo of photos.slice(ids.length)) {
    ids.push(await upload(photo, { number, token }))
    await amend(item.body)
  }
  await supplement({ number, token, key: item.key }, { note: PHOTOS_NOTE, files: ids })
  return { answer: undefined }
}

async function send(item: Item, amend: Amend): Promise<Sent<Answer>> {
  try {
    if (item.kind === 'photos') return await sendPhotos(item as Item<Photos>, amend)
    return await sendReport(item as Item<Report>, amend)
  } catch (error) {
    if (error instanceof Refused && error.forGood) {
      const { code, problem } = error
      throw new Refusal({ code, errors: problem.errors ?? [], detail: problem.detail ?? problem.title })
    }
    throw error
  }
}

/** Reports and photos of this phone, sent when the network allows. */
export const box = outbox<Answer>({
  keep: indexedKeep('lightkeeper'),
  send,
  onSent(item, answer) {
    if (answer === undefined) return
    const { order } = (item as Item<Report>).body
    const { number, token } = answer
    orders.set(number, answer.order)
    remember({ number, token, kind: order.kind, at: Date.now(), key: item.key, anonymous: order.anonymous === true })
  },
})
