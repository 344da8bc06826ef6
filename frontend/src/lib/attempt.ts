import { ref, shallowRef, type Ref, type ShallowRef } from 'vue'

/** What buttons start, one at a time. error: why the last one failed; whoever opens a form anew may clear it. */
export interface Attempt {
  busy: Readonly<Ref<boolean>>
  error: ShallowRef<unknown>
  /** Returns whether it was done. Pressed again meanwhile, nothing is. */
  attempt: (what: () => Promise<unknown>) => Promise<boolean>
}

export function useAttempt(): Attempt {
  const busy = ref(false)
  const error = shallowRef<unknown>()

  async function attempt(what: () => Promise<unknown>): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    error.value = undefined
    try {
      await what()
      return true
    } catch (reason) {
      error.value = reason
      return false
    } finally {
      busy.value = false
    }
  }
  return { busy, error, attempt }
}
