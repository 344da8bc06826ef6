// Keeps the citizens' and status pages working without a network. Filled in at build time.
const CACHE = 'lightkeeper-__VERSION__'
const FILES = __FILES__ // eslint-disable-line no-undef

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()))
})

self.addEventListener('activate', (event) => {
  const others = (names) => names.filter((name) => name.startsWith('lightkeeper-') && name !== CACHE)
  const drop = caches.keys().then((names) => Promise.all(others(names).map((name) => caches.delete(name))))
  event.waitUntil(drop.then(() => self.clients.claim()))
})

/** The network's answer, kept for later; without a network the copy kept last. */
async function freshElseKept(request) {
  const cache = await caches.open(CACHE)
  const name = request.url.split('?')[0] // a query (a sign-in's code) is nobody's to keep
  try {
    const answer = await fetch(request)
    if (answer.ok) await cache.put(name, answer.clone())
    return answer
  } catch (error) {
    const kept = await cache.match(name)
    if (!kept) throw error
    const headers = new Headers(kept.headers)
    headers.set('X-Kept', '1') // so that the page can say that this is not of now
    return new Response(kept.body, { status: kept.status, headers })
  }
}

/** Named by its content, so a copy never grows old. */
async function keptElseFresh(request) {
  return (await caches.match(request)) ?? freshElseKept(request)
}

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== self.location.origin) return
  if (url.pathname.includes('/assets/')) event.respondWith(keptElseFresh(request))
  else if (request.mode === 'navigate' || url.pathname.endsWith('/status.json') || url.pathname.endsWith('/icon.svg')) {
    event.respondWith(freshElseKept(request))
  }
})
