/** Register the service worker, where there can be one: it needs https (or this machine), and a built page. */
export function keepOffline(): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return
  addEventListener('load', () => {
    navigator.serviceWorker.register('./sw.js').catch(() => undefined) // Without it the page works, online only.
  })
}
