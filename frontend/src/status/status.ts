import { effectScope } from 'vue'
import { getStatus } from '@/api/status'
import { useLoad, type Load } from '@/lib/load'
import type { Outages } from '@/api/contract'

/** One copy for the whole page; it lives as long as the page does. */
export const status: Load<Outages> = effectScope(true).run(() => useLoad(getStatus)) as Load<Outages>

/** Fresh each minute while looked at, when seen again and when the network is back. */
export function keepFresh(): void {
  const go = (): void => {
    if (document.visibilityState === 'visible') void status.reload()
  }
  setInterval(go, 60_000)
  document.addEventListener('visibilitychange', go)
  addEventListener('online', go)
}
