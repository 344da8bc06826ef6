import { ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { Refused } from '@/api/client'
import { uuid } from '@/lib/ids'
import { call } from '../api'
import { faultsOf } from '../refused'

/** One change at a time: sent under a key of its own, with what the server said of each field. */
export interface Change {
  busy: Readonly<Ref<boolean>>
  /** A sentence when it worked. */
  said: Ref<string>
  error: Readonly<ShallowRef<unknown>>
  faults: Readonly<Ref<Record<string, string>>>
  send: <T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown, version?: number) => Promise<T | undefined>
}

export function useChange(): Change {
  const busy = ref(false)
  const said = ref('')
  const error = shallowRef<unknown>()
  const faults = ref<Record<string, string>>({})
  let key = uuid()
  let last = ''

  async function send<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown, version?: number): Promise<T | undefined> {
    const request = JSON.stringify([method, path, body])
    if (request !== last) key = uuid()
    last = request
    busy.value = true
    said.value = ''
    error.value = undefined
    faults.value = {}
    try {
      const got = await call<T>(method, path, { body, key, version })
      last = ''
      return got
    } catch (reason) {
      error.value = reason
      if (reason instanceof Refused) {
        last = ''
        faults.value = Object.fromEntries(faultsOf(reason).map(({ field, text }) => [field, text]))
      }
      return undefined
    } finally {
      busy.value = false
    }
  }
  return { busy, said, error, faults, send }
}
