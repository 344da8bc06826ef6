import { onScopeDispose, readonly, ref, type Ref } from 'vue'

/** Milliseconds by which the server's clock is ahead of this device's. */
let ahead = 0

/** Learn the server's clock from a response's `Date` header (whole seconds; anything else is ignored). */
export function learnServerDate(header: string | null): void {
  const said = header === null ? Number.NaN : Date.parse(header)
  if (Number.isNaN(said)) return
  const difference = said - Date.now()
  // The header has whole seconds: less than two is noise of the network, not a wrong clock.
  ahead = Math.abs(difference) < 2000 ? 0 : difference
}

/** Now, by the server's clock as far as we know it: promises count the same here and at the office. */
export function serverNow(): Date {
  return new Date(Date.now() + ahead)
}

/** `serverNow()` that ticks every `every` milliseconds while the component lives and the page is visible. */
export function useNow(every = 10_000): Readonly<Ref<Date>> {
  const now = ref(serverNow())
  const tick = (): void => {
    if (document.visibilityState !== 'hidden') now.value = serverNow()
  }
  const timer = setInterval(tick, every)
  document.addEventListener('visibilitychange', tick)
  onScopeDispose(() => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', tick)
  })
  return readonly(now)
}
