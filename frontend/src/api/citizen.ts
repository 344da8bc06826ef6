import { uuid } from '@/lib/ids'
import { answer, connect, fetchPatiently, refusal, UPLOAD_SILENCE } from './client'
import type { Accepted, NewOrder, Outages, paths, Place, PlaceHit, PromiseMade, PublicConfig, PublicOrder, Supply, Upload } from './contract'

const api = connect<paths>()

export const getConfig = (): Promise<PublicConfig> => answer(api.GET('/api/v1/public/config'))

export const getPromises = (): Promise<PromiseMade[]> => answer(api.GET('/api/v1/meta/promises'))

/** Places whose name holds `q`, the likeliest first. */
export async function findPlaces(q: string): Promise<PlaceHit[]> {
  return (await answer(api.GET('/api/v1/public/places', { params: { query: { q } } }))).items
}

/** A place by its code, with the state of its supply. */
export const getPlace = (code: string): Promise<Place> =>
  answer(api.GET('/api/v1/public/places/{code}', { params: { path: { code } } }))

export const getOutages = (place: string): Promise<Outages> =>
  answer(api.GET('/api/v1/public/outages', { params: { query: { place } } }))

/** Repeating with the same key gives the same answer. */
export const postOrder = (order: NewOrder, key: string): Promise<Accepted> =>
  answer(api.POST('/api/v1/public/orders', { params: { header: { 'Idempotency-Key': key } }, body: order }))

/** A wrong pair and an unknown number answer alike; five tries, then 429. */
export const lookUp = (number: string, phoneTail: string): Promise<{ token: string; order: PublicOrder }> =>
  answer(
    api.POST('/api/v1/public/orders/lookup', { body: { number, phone_tail: phoneTail } }),
  )

export const getOrder = (number: string, token: string): Promise<PublicOrder> =>
  answer(
    api.GET('/api/v1/public/orders/{number}', { params: { path: { number } }, headers: { 'Tracking-Token': token } }),
  )

export const getSupply = (number: string, token: string): Promise<Supply> =>
  answer(
    api.GET('/api/v1/public/orders/{number}/supply', { params: { path: { number } }, headers: { 'Tracking-Token': token } }),
  )

/** Who asks, about which order, under which key. */
export interface Access {
  number: string
  token: string
  key: string
}

const as = ({ number, token, key }: Access) => ({
  params: { path: { number }, header: { 'Idempotency-Key': key } },
  headers: { 'Tracking-Token': token },
})

export const expedite = (access: Access, body: { note?: string }): Promise<PublicOrder> =>
  answer(api.POST('/api/v1/public/orders/{number}/expedite', { ...as(access), body }))

export const supplement = (access: Access, body: { note: string; files?: string[] }): Promise<PublicOrder> =>
  answer(api.POST('/api/v1/public/orders/{number}/supplement', { ...as(access), body }))

export const withdraw = (access: Access, body: { note?: string }): Promise<PublicOrder> =>
  answer(api.POST('/api/v1/public/orders/{number}/withdraw', { ...as(access), body }))

export const reopen = (access: Access, body: { note: string; files?: string[] }): Promise<PublicOrder> =>
  answer(api.POST('/api/v1/public/orders/{number}/reopen', { ...as(access), body }))

/** To the issue of the complaint ledger: more words, or that it is not solved. */
export const add = (access: Access, body: { note: string }): Promise<PublicOrder> =>
  answer(api.POST('/api/v1/public/orders/{number}/add', { ...as(access), body }))

export const notSolved = (access: Access, body: { note: string }): Promise<PublicOrder> =>
  answer(api.POST('/api/v1/public/orders/{number}/not-solved', { ...as(access), body }))

export const rate = (access: Access, body: { score: number; note?: string }): Promise<PublicOrder> =>
  answer(api.POST('/api/v1/public/orders/{number}/rate', { ...as(access), body }))

/** Rate by the 10-character code from a text. */
export const rateByCode = (code: string, score: number, note: string | undefined, key: string): Promise<{ ok: boolean }> =>
  answer(
    api.POST('/api/v1/public/ratings', {
      params: { header: { 'Idempotency-Key': key } },
      body: { code, score, ...(note === undefined ? {} : { note }) },
    }),
  )

/**
 * Put one photo where the server says, and return its id for `files`.
 * The place is given out fresh each time: a form that was signed long ago has expired.
 */
export async function upload(photo: Blob, of?: { number: string; token: string }): Promise<string> {
  const place: Upload = await answer(
    api.POST('/api/v1/public/uploads', {
      params: { header: { 'Idempotency-Key': uuid() } },
      ...(of === undefined ? {} : { headers: { 'Tracking-Token': of.token } }),
      body: { content_type: photo.type, bytes: photo.size, ...(of === undefined ? {} : { number: of.number }) },
    }),
  )
  const form = new FormData()
  for (const [name, value] of Object.entries(place.fields)) form.append(name, value)
  form.append('file', photo)
  const target = new URL(place.url, document.baseURI).href
  const response = await fetchPatiently(target, { method: 'POST', body: form }, UPLOAD_SILENCE)
  if (!response.ok) throw refusal(response, undefined)
  return place.id
}
