import { onScopeDispose, readonly, ref, shallowRef, type Ref, type ShallowRef } from 'vue'

/** Something a page fetches: old content stays while it refreshes, and "loading" shows only after 300 ms. */
export interface Load<T> {
  data: Readonly<ShallowRef<T | undefined>>
  error: Readonly<ShallowRef<unknown>>
  /** True once a first load takes longer than 300 ms. */
  slow: Readonly<Ref<boolean>>
  /** True while any request is under way. */
  busy: Readonly<Ref<boolean>>
  /** When `data` was fetched. */
  at: Readonly<Ref<Date | undefined>>
  reload: () => Promise<void>
}

export function useLoad<T>(fetcher: () => Promise<T>): Load<T> {
  const data = shallowRef<T>()
  const error = shallowRef<unknown>()
  const slow = ref(false)
  const busy = ref(false)
  const at = ref<Date>()
  let latest = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  async function reload(): Promise<void> {
    const mine = ++latest
    busy.value = true
    clearTimeout(timer)
    timer = setTimeout(() => {
      slow.value = data.value === undefined
    }, 300)
    try {
      const got = await fetcher()
      if (mine !== latest) return // a newer request is on its way; its answer counts
      data.value = got
      at.value = new Date()
      error.value = undefined
    } catch (reason) {
      if (mine === latest) error.value = reason
    } finally {
      if (mine === latest) {
        clearTimeout(timer)
        slow.value = false
        busy.value = false
      }
    }
  }

  onScopeDispose(() => {
    latest += 1
    clearTimeout(timer)
  })
  void reload()
  return { data, error, slow: readonly(slow), busy: readonly(busy), at: readonly(at) as Readonly<Ref<Date | undefined>>, reload }
}
