import { readonly, ref } from 'vue'
import { fetchPatiently, Unreachable } from '@/api/client'
import type { PublicConfig } from './contract'
import { base64url, sha256 } from './sha256'

/**
 * Sign-in by authorization code with PKCE (RFC 6749, 7636) at the issuer that the server names.
 * Tokens live in memory and in this tab's session storage: they go with the tab.
 */
export interface Tokens {
  access: string
  refresh?: string | undefined
  id?: string | undefined
  /** Milliseconds since 1970 on this device. */
  expiresAt: number
}

interface Endpoints {
  authorization_endpoint: string
  token_endpoint: string
  end_session_endpoint?: string
}

/** What a sign-in under way must find again when the browser comes back. */
export interface Pending {
  state: string
  verifier: string
  /** Where the person was: `#/order/…`. */
  hash: string
}

/** The issuer or the person broke the sign-in off; `reason` is the issuer's code. */
export class NotSignedIn extends Error {
  override name = 'NotSignedIn'
  readonly reason: string

  constructor(reason: string) {
    super(reason)
    this.reason = reason
  }
}

const KEPT = 'lightkeeper.office.tokens'
const PENDING = 'lightkeeper.office.pending'
/** Renew when less than this is left, in milliseconds. */
const MARGIN = 60_000

const ended = ref(false)
/** The session is over: the page stays as it is and offers to sign in again. */
export const over = readonly(ended)

let config: PublicConfig | undefined
let tokens: Tokens | undefined
let endpoints: Promise<Endpoints> | undefined
let renewing: Promise<boolean> | undefined

function kept<T>(name: string): T | undefined {
  const text = sessionStorage.getItem(name)
  return text === null ? undefined : (JSON.parse(text) as T)
}

function hold(next: Tokens | undefined): void {
  tokens = next
  if (next === undefined) sessionStorage.removeItem(KEPT)
  else sessionStorage.setItem(KEPT, JSON.stringify(next))
}

function discovered(issuer: string): Promise<Endpoints> {
  endpoints ??= (async () => {
    const response = await fetchPatiently(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
    if (!response.ok) throw new Unreachable('issuer')
    return (await response.json()) as Endpoints
  })()
  endpoints.catch(() => {
    endpoints = undefined
  })
  return endpoints
}

const need = (): PublicConfig => {
  if (config === undefined) throw new Error('sign-in before its configuration')
  return config
}

/** This page without query and fragment: where the issuer sends people back to. */
const home = (): string => `${location.origin}${location.pathname}`

const random = (): string => base64url(crypto.getRandomValues(new Uint8Array(32)))

/** The address to sign in at. */
export function authorizeUrl(
  at: string,
  asked: { clientId: string; audience: string; redirect: string; state: string; verifier: string },
): string {
  const url = new URL(at)
  const query: Record<string, string> = {
    response_type: 'code',
    client_id: asked.clientId,
    redirect_uri: asked.redirect,
    scope: 'openid profile',
    resource: asked.audience,
    state: asked.state,
    code_challenge: base64url(sha256(asked.verifier)),
    code_challenge_method: 'S256',
  }
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  return url.href
}

/**
 * The code in the address that the issuer sent the browser to; `undefined` if this is no such visit.
 * Throws `NotSignedIn` when the issuer refused or the visit is not the one we began.
 */
export function readCode(search: string, pending: Pending | undefined): string | undefined {
  const query = new URLSearchParams(search)
  const refused = query.get('error')
  const code = query.get('code')
  if (refused === null && code === null) return undefined
  if (pending === undefined || query.get('state') !== pending.state) throw new NotSignedIn('state')
  if (code === null) throw new NotSignedIn(refused ?? 'error')
  return code
}

async function askToken(form: Record<string, string>): Promise<Tokens> {
  const { issuer, client_id, audience } = need()
  const { token_endpoint } = await discovered(issuer)
  const response = await fetchPatiently(token_endpoint, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ client_id, resource: audience, ...form }).toString(),
  })
  const body = (await response.json()) as Record<string, unknown>
  if (!response.ok) {
    if (response.status >= 500) throw new Unreachable('issuer')
    throw new NotSignedIn(String(body['error'] ?? response.status))
  }
  const text = (name: string): string | undefined => (typeof body[name] === 'string' ? body[name] : undefined)
  return {
    access: text('access_token') ?? '',
    refresh: text('refresh_token') ?? form['refresh_token'],
    id: text('id_token') ?? tokens?.id,
    expiresAt: Date.now() + Number(body['expires_in'] ?? 300) * 1000,
  }
}

/** Go to the issuer; the page is left. */
export async function goSignIn(hash = location.hash): Promise<void> {
  const { issuer, client_id, audience } = need()
  const { authorization_endpoint } = await discovered(issuer)
  const pending: Pending = { state: random(), verifier: random(), hash }
  sessionStorage.setItem(PENDING, JSON.stringify(pending))
  location.assign(
    authorizeUrl(authorization_endpoint, {
      clientId: client_id,
      audience,
      redirect: home(),
      state: pending.state,
      verifier: pending.verifier,
    }),
  )
}

/**
 * Take up the session: from the issuer's answer in the address, else from this tab.
 * Returns `undefined` when there is none. Throws `NotSignedIn` or `Unreachable`.
 */
export async function takeUp(given: PublicConfig): Promise<'issuer' | 'tab' | undefined> {
  config = given
  const pending = kept<Pending>(PENDING)
  const back = (hash: string): void => {
    history.replaceState(null, '', `${home()}${hash}`)
    sessionStorage.removeItem(PENDING)
  }
  let code: string | undefined
  try {
    code = readCode(location.search, pending)
  } catch (error) {
    back(pending?.hash ?? '')
    throw error
  }
  if (code !== undefined && pending !== undefined) {
    back(pending.hash)
    hold(await askToken({ grant_type: 'authorization_code', code, redirect_uri: home(), code_verifier: pending.verifier }))
    return 'issuer'
  }
  tokens = kept<Tokens>(KEPT)
  return tokens === undefined ? undefined : 'tab'
}

/** Forget tokens that nobody takes any more; the person stays where they were. */
export function forget(): void {
  hold(undefined)
  ended.value = false
}

/** Get a new access token; false when the session is over. One at a time. Throws `Unreachable`. */
export function renew(): Promise<boolean> {
  renewing ??= (async () => {
    try {
      const refresh = tokens?.refresh
      if (refresh === undefined) return false
      hold(await askToken({ grant_type: 'refresh_token', refresh_token: refresh }))
      return true
    } catch (error) {
      if (error instanceof NotSignedIn) return false
      throw error
    } finally {
      renewing = undefined
    }
  })()
  return renewing
}

/** The access token to send, renewed in time. `undefined` when nobody is signed in. */
export async function accessToken(): Promise<string | undefined> {
  if (tokens !== undefined && tokens.expiresAt - Date.now() < MARGIN) {
    try {
      if (!(await renew())) expire()
    } catch (error) {
      if (!(error instanceof Unreachable) || tokens.expiresAt < Date.now()) throw error
    }
  }
  return tokens?.access
}

/** The server no longer takes our token: say so, and keep what is on the page. */
export function expire(): void {
  ended.value = true
}

/** Forget the tokens, and leave the issuer's session where the issuer offers that. */
export async function signOut(): Promise<void> {
  const { issuer, client_id } = need()
  const id = tokens?.id
  hold(undefined)
  sessionStorage.clear()
  let leave: string | undefined
  try {
    leave = (await discovered(issuer)).end_session_endpoint
  } catch {
    // Out of reach: the tokens are gone from here, and that is what can be done.
  }
  const url = new URL(leave ?? home())
  if (leave !== undefined) {
    url.searchParams.set('client_id', client_id)
    url.searchParams.set('post_logout_redirect_uri', home())
    if (id !== undefined) url.searchParams.set('id_token_hint', id)
  }
  location.assign(url.href)
}
