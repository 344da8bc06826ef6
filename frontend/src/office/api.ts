import { base, fetchPatiently, Refused, refusal } from '@/api/client'
import { lang } from '@/i18n'
import { uuid } from '@/lib/ids'
import { Refusal } from '@/lib/outbox'
import type {
  BulkResult,
  Call,
  Caller,
  Colleague,
  Contact,
  Facts,
  LedgerRow,
  Me,
  OfficeRow,
  Page,
  Procedure,
  QueueAnswer,
  QueueCounts,
  QueueRow,
  StaffOrder,
  Verified,
} from './contract'
import { accessToken, expire, renew } from './signin'

interface Asked {
  query?: Record<string, string | number | undefined>
  body?: unknown
  /** Repeating with the same key and body gives the same answer. */
  key?: string
  /** The version that the person saw; another answers 412 with who was first. */
  version?: number | undefined
  /** What the answer should be; a table travels whole only when it is asked for by its type. */
  accept?: string
  /** Let the call end after the page has gone. */
  leaving?: boolean
}

function address(path: string, query: Asked['query'] = {}): string {
  const url = new URL(`${base()}/api/v1${path}`)
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') url.searchParams.set(name, String(value))
  }
  return url.href
}

async function send(method: string, path: string, asked: Asked): Promise<Response> {
  const headers = new Headers({ 'Accept-Language': lang.value === 'zh' ? 'zh-CN' : 'en' })
  const token = await accessToken()
  if (token !== undefined) headers.set('Authorization', `Bearer ${token}`)
  if (method !== 'GET') headers.set('Idempotency-Key', asked.key ?? uuid())
  if (asked.accept !== undefined) headers.set('Accept', asked.accept)
  if (asked.version !== undefined) headers.set('If-Match', `"${asked.version}"`)
  const init: RequestInit = { method, headers, keepalive: asked.leaving ?? false }
  if (asked.body !== undefined) {
    headers.set('Content-Type', 'application/json')
    init.body = JSON.stringify(asked.body)
  }
  return fetchPatiently(address(path, asked.query), init)
}

/** One call. A token that ran out is renewed once; if that fails the session is over. Throws `Refused` or `Unreachable`. */
async function response(method: string, path: string, asked: Asked = {}): Promise<Response> {
  const once = { ...asked, key: asked.key ?? uuid() }
  let got = await send(method, path, once)
  if (got.status === 401 && (await renew())) got = await send(method, path, once)
  if (got.status === 401) expire()
  if (!got.ok) throw refusal(got, await got.json().catch(() => undefined))
  return got
}

export async function call<T>(method: string, path: string, asked?: Asked): Promise<T> {
  const got = await response(method, path, asked)
  return (got.status === 204 ? undefined : await got.json()) as T
}

export const get = <T>(path: string, query?: Asked['query']): Promise<T> =>
  call<T>('GET', path, query === undefined ? {} : { query })

export const getMe = (): Promise<Me> => get('/me')

/** Every label of the server in one language. */
export const getWords = (language: string): Promise<Record<string, string>> => get('/meta/words', { lang: language })

export const getQueueCounts = (): Promise<QueueCounts> => get('/queue')
export const getQueue = (query: Record<string, string>): Promise<QueueAnswer> => get('/orders', { limit: 100, ...query })

export const getOrder = (number: string): Promise<StaffOrder> => get(`/orders/${number}`)

export const getLedger = (number: string): Promise<Page<LedgerRow>> => get(`/orders/${number}/events`)

export const verifyOrder = (number: string): Promise<Verified> => get(`/orders/${number}/verify`)

export const reveal = (number: string, reason: string): Promise<Contact> =>
  call('POST', `/orders/${number}/reveal`, { body: { reason } })

export const search = (q: string): Promise<{ items: QueueRow[] }> => get('/search', { q })

export const getCaller = (phone: string): Promise<Caller> => call('POST', '/callers', { body: { phone } })

export const getOffices = (): Promise<{ items: OfficeRow[] }> => get('/offices')

export const getStaff = (office: string): Promise<{ items: Colleague[] }> => get(`/offices/${office}/staff`)

export const getCalls = (): Promise<Page<Call>> => get('/calls', { state: 'open' })

export const revealCalled = (id: string, reason: string): Promise<Contact> =>
  call('POST', `/calls/${encodeURIComponent(id)}/reveal`, { body: { reason } })

export const callDone = (id: string, result: string): Promise<unknown> =>
  call('POST', `/calls/${encodeURIComponent(id)}/done`, { body: { result } })

export const getProcedures = (): Promise<{ items: Procedure[] }> => get('/meta/procedures')

/** What one step needs, and when and for whom it is recorded. */
export interface Step {
  number: string
  move: string
  data: Facts
  occurred_at?: string | undefined
  recorded_for?: string | undefined
  version?: number | undefined
  key: string
}

/** Merging touches two orders at once, so it has addresses of its own. */
const OWN_ADDRESS = ['merge', 'unmerge']

export function makeMove(step: Step, leaving = false): Promise<StaffOrder> {
  const { number, move, data, occurred_at, recorded_for, version, key } = step
  if (OWN_ADDRESS.includes(move)) return call('POST', `/orders/${number}/${move}`, { body: data, key, version, leaving })
  const body = {
    ...data,
    ...(occurred_at === undefined ? {} : { occurred_at }),
    ...(recorded_for === undefined ? {} : { recorded_for }),
  }
  return call('POST', `/orders/${number}/moves/${move}`, { body, key, version, leaving })
}

/** What an outbox makes of an error: a refusal for good comes back as a draft, anything else is tried again. */
export function forGood(error: unknown): unknown {
  if (!(error instanceof Refused) || !error.forGood) return error
  const { code, problem } = error
  return new Refusal({ code, errors: problem.errors ?? [], detail: problem.detail ?? problem.title })
}

export const bulk = (numbers: string[], move: string, data: Facts, key: string): Promise<{ results: BulkResult[] }> =>
  call('POST', '/orders/bulk', { body: { numbers, move, data }, key })

export interface NewOrder {
  kind: string
  channel: string
  answers: Facts
  [field: string]: unknown
}

export const postOrder = (order: NewOrder, key: string): Promise<{ number: string; token: string; order: StaffOrder | null }> =>
  call('POST', '/orders', { body: order, key })

interface Upload {
  id: string
  url: string
  fields: Record<string, string>
}

/** Put one photo where the server says; the id then binds it in a move's `files`. */
export const upload = (number: string, photo: Blob): Promise<string> => put(`/orders/${number}/uploads`, photo)

/** Put one file of what is no order: its `path` signs for films and documents too. */
export const uploadTo = (path: string, file: Blob): Promise<string> => put(path, file)

/** Put one photo that belongs to no order. */
export const uploadPhoto = (photo: Blob): Promise<string> => put('/public/uploads', photo)

async function put(path: string, photo: Blob): Promise<string> {
  const place = await call<Upload>('POST', path, { body: { content_type: photo.type, bytes: photo.size } })
  const form = new FormData()
  for (const [name, value] of Object.entries(place.fields)) form.append(name, value)
  form.append('file', photo)
  const got = await fetchPatiently(new URL(place.url, document.baseURI).href, { method: 'POST', body: form })
  if (!got.ok) throw refusal(got, undefined)
  return place.id
}

/** A file that the server makes, with the name that it gave. */
export async function download(path: string, query: Record<string, string>, accept: string): Promise<{ blob: Blob; name: string }> {
  const got = await response('GET', path, { query, accept })
  const said = /filename="?([^";]+)"?/.exec(got.headers.get('Content-Disposition') ?? '')
  return { blob: await got.blob(), name: said?.[1] ?? 'orders' }
}
