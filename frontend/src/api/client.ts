import createClient, { type Client } from 'openapi-fetch'
import { lang } from '@/i18n'
import { learnServerDate } from '@/lib/clock'
import { noteAnswer } from '@/lib/network'

/** A refusal in the server's words: application/problem+json (RFC 9457). `code` is a key of our texts. */
export interface Problem {
  type: string
  title: string
  detail?: string
  status: number
  errors?: readonly { field: string; code: string; detail?: string }[]
  /** Further members a problem type declares, e.g. who was first. */
  [member: string]: unknown
}

/** The server refused. */
export class Refused extends Error {
  override name = 'Refused'
  readonly problem: Problem
  /** Seconds after which trying again may help. */
  readonly retryAfter: number | undefined

  constructor(problem: Problem, retryAfter?: number) {
    super(problem.title)
    this.problem = problem
    this.retryAfter = retryAfter
  }

  /** The last part of the problem's type: `illegal-move`. */
  get code(): string {
    return this.problem.type.split(/[/:#]/).pop() ?? ''
  }

  /** True when the same request can never succeed: 4xx, except "later" (408, 425, 429) and "sign in" (401). */
  get forGood(): boolean {
    const { status } = this.problem
    return status >= 400 && status < 500 && ![401, 408, 425, 429].includes(status)
  }
}

/** No answer: no network, or the server was silent for too long. */
export class Unreachable extends Error {
  override name = 'Unreachable'
}

const SILENCE = 20_000
/** A photo of 1 MB takes its time on a village's network. */
export const UPLOAD_SILENCE = 180_000

/** `fetch` that gives up after a time and learns the server's clock. (`AbortSignal.timeout` is too young for our phones.) */
export async function fetchPatiently(request: Request | string, init?: RequestInit, silence = SILENCE): Promise<Response> {
  const stop = new AbortController()
  const timer = setTimeout(() => {
    stop.abort()
  }, silence)
  try {
    const response = await fetch(request, { ...init, signal: stop.signal })
    // A copy that the service worker kept, or a cache: an answer, but neither the server's nor of now.
    const kept = response.headers.has('X-Kept')
    noteAnswer(!kept)
    if (!kept && !response.headers.has('Age')) learnServerDate(response.headers.get('Date'))
    return response
  } catch (error) {
    noteAnswer(false)
    throw new Unreachable('no answer', { cause: error })
  } finally {
    clearTimeout(timer)
  }
}

/** Addresses are relative to the page: a deployment may live under `/` or under `/api/`. */
export function base(): string {
  return new URL('.', document.baseURI).href.replace(/\/$/, '')
}

/**
 * A typed client. `token` gives the staff member's access token, if any.
 * Citizens' calls carry their tracking token themselves, in a header, never in an address.
 */
export function connect<Paths extends object>(token?: () => Promise<string | undefined>): Client<Paths, 'application/json'> {
  const client = createClient<Paths, 'application/json'>({ baseUrl: base(), fetch: (request) => fetchPatiently(request) })
  client.use({
    async onRequest({ request }) {
      request.headers.set('Accept-Language', lang.value === 'zh' ? 'zh-CN' : 'en')
      const bearer = await token?.()
      if (bearer !== undefined) request.headers.set('Authorization', `Bearer ${bearer}`)
      return request
    },
  })
  return client
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'title' in body
}

/** What the server refused, as an error to throw. Gateways that answer without a problem become one of `about:blank`. */
export function refusal(response: Response, body: unknown): Refused {
  const after = Number(response.headers.get('Retry-After') ?? Number.NaN)
  const problem: Problem = isProblem(body)
    ? { ...body, status: response.status }
    : { type: 'about:blank', title: response.statusText, status: response.status }
  return new Refused(problem, Number.isFinite(after) ? after : undefined)
}

/** The data of a call; throws `Refused` or `Unreachable`. */
export async function answer<Data>(
  call: Promise<{ data?: Data; error?: unknown; response: Response }>,
): Promise<NonNullable<Data>> {
  const { data, error, response } = await call
  if (!response.ok) throw refusal(response, error)
  return data as NonNullable<Data>
}
