import { shallowRef } from 'vue'
import { getConfig } from '@/api/citizen'
import { Refused, Unreachable } from '@/api/client'
import { getMe } from './api'
import type { Me, PublicConfig } from './contract'
import { forget, goSignIn, takeUp } from './signin'
import { startWords } from './words'

/** Who is at the desk, and at which desk. */
export const config = shallowRef<PublicConfig>()
export const me = shallowRef<Me>()

const CONFIG = 'lightkeeper.office.config'
const ME = 'lightkeeper.office.me'

/** What the network gives, kept for this tab: a crew opens its page where there is no network. */
async function freshElseKept<T>(name: string, fetcher: () => Promise<T>): Promise<T> {
  try {
    const got = await fetcher()
    sessionStorage.setItem(name, JSON.stringify(got))
    return got
  } catch (error) {
    const kept = sessionStorage.getItem(name)
    if (!(error instanceof Unreachable) || kept === null) throw error
    return JSON.parse(kept) as T
  }
}

/**
 * Take up the session and load what every page needs. Returns false when the browser is on its way
 * to sign in. Throws `NotSignedIn`, `Refused` or `Unreachable`.
 */
export async function start(): Promise<boolean> {
  config.value = await freshElseKept(CONFIG, getConfig)
  const from = await takeUp(config.value)
  if (from === undefined) {
    await goSignIn()
    return false
  }
  try {
    await startWords()
    me.value = await freshElseKept(ME, getMe)
  } catch (error) {
    // The tab's tokens are from another day. Who has just signed in and is not taken is a stranger, and is told so.
    if (from === 'issuer' || !(error instanceof Refused) || error.problem.status !== 401) throw error
    forget()
    await goSignIn()
    return false
  }
  return true
}

/** Whether the person's role has a capability at all; the server decides on each object. */
export function can(capability: string): boolean {
  return me.value?.capabilities.some((one) => one.capability === capability) ?? false
}

const OUTDOORS = ['crew', 'area_manager', 'grid_staff', 'liaison']

/** Whether the person works orders outdoors, with a phone in hand. */
export const outdoors = (): boolean => OUTDOORS.includes(me.value?.role ?? '')

/** The page to open with. */
export function homePath(): string {
  if (outdoors()) return '/crew'
  if (can('order.list')) return '/'
  return can('limit.read') ? '/admin' : '/help'
}
