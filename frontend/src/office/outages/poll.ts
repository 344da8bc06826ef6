import { computed, onScopeDispose, shallowRef, watch, type ComputedRef } from 'vue'
import { Unreachable } from '@/api/client'
import { useLoad, type Load } from '@/lib/load'
import { nextPoll } from '../queue'

/** Something that is asked for again and again while the page is looked at. lost: what is shown is old. */
export interface Polled<T> extends Load<T> {
  lost: ComputedRef<boolean>
}

export function usePolled<T>(fetcher: () => Promise<T>): Polled<T> {
  const load = useLoad(fetcher)
  let timer: ReturnType<typeof setTimeout>
  const later = (): void => {
    timer = setTimeout(() => {
      void (document.visibilityState === 'hidden' ? Promise.resolve() : load.reload()).then(later)
    }, nextPoll())
  }
  const wake = (): void => {
    if (document.visibilityState === 'visible') void load.reload()
  }
  later()
  addEventListener('online', wake)
  document.addEventListener('visibilitychange', wake)
  onScopeDispose(() => {
    clearTimeout(timer)
    removeEventListener('online', wake)
    document.removeEventListener('visibilitychange', wake)
  })
  return { ...load, lost: computed(() => load.data.value !== undefined && load.error.value instanceof Unreachable) }
}

/** One thing that is polled and moved. page: the answer to a move counts until the next look. */
export interface Moved<T> {
  load: Polled<T>
  page: ComputedRef<T | undefined>
  /** Shows what a move answered, and looks again. */
  show: (answer: T) => void
}

export function useMoved<T extends { version: number }>(id: () => string, fetcher: (id: string) => Promise<T>): Moved<T> {
  const load = usePolled(() => fetcher(id()))
  const after = shallowRef<T>()
  const page = computed(() => (after.value !== undefined && after.value.version >= (load.data.value?.version ?? 0) ? after.value : load.data.value))
  watch(id, () => {
    after.value = undefined
    void load.reload()
  })
  const show = (answer: T): void => {
    after.value = answer
    void load.reload()
  }
  return { load, page, show }
}
