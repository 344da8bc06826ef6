import { nextTick, shallowReadonly, shallowRef, type Component, type ShallowRef } from 'vue'

/** Where we are: `#/track/:number?t=…` as its parts. */
export interface Route {
  path: string
  params: Readonly<Record<string, string>>
  query: Readonly<Record<string, string>>
}

/** A page: its pattern (`/report/:flow/:step?`) and how to get it. The first match wins; `*` matches all. */
export interface Page {
  pattern: string
  load: () => Component | Promise<Component>
}

export interface Shown extends Route {
  component: Component
}

export interface HashRouter {
  /** The page that is shown; undefined until the first is loaded. */
  shown: Readonly<ShallowRef<Shown | undefined>>
  /** The page that could not be loaded (no network, or a new version was installed meanwhile). */
  failed: Readonly<ShallowRef<unknown>>
  push: (to: string) => void
  replace: (to: string) => void
  back: () => void
  /** Load the page of the address again. */
  reload: () => Promise<void>
  start: (pages: readonly Page[]) => Promise<void>
}

/** The values of a pattern's names in `path`, or `undefined` if it does not fit. */
export function match(pattern: string, path: string): Record<string, string> | undefined {
  if (pattern === '*') return {}
  const wanted = pattern.split('/').slice(1)
  const given = path.split('/').slice(1).map(decode)
  if (given.length > wanted.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? ''
    if (!part.startsWith(':')) {
      if (part !== value) return undefined
    } else if (value !== '') params[part.replace(/^:|\?$/g, '')] = value
    else if (!part.endsWith('?')) return undefined
  }
  return params
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // not percent-encoding: as typed
  }
}

/** Split an address's fragment into path and query. */
export function parse(hash: string): { path: string; query: Record<string, string> } {
  const [path = '', search = ''] = hash.replace(/^#/, '').split(/\?(.*)/s)
  return { path: path.startsWith('/') ? path : `/${path}`, query: Object.fromEntries(new URLSearchParams(search)) }
}

/**
 * A router of fragments, so that the same files work in any folder without a rewrite rule, and so that nothing in
 * the address reaches a server's log. Links are plain `<a href="#/…">`. After a change the page's heading gets the focus.
 */
export function hashRouter(): HashRouter {
  const shown = shallowRef<Shown>()
  const failed = shallowRef<unknown>()
  let pages: readonly Page[] = []
  let latest = 0

  async function show(): Promise<void> {
    const mine = ++latest
    const { path, query } = parse(location.hash)
    const found = pages.map((page) => ({ page, params: match(page.pattern, path) })).find(({ params }) => params !== undefined)
    if (found?.params === undefined) return
    // The browser keeps the position of entries it has seen; a new one starts at its top.
    const isNew = history.state === null
    if (isNew) history.replaceState({ seen: true }, '')
    try {
      const component = await found.page.load()
      if (mine !== latest) return // somebody went on meanwhile
      const before = shown.value?.path
      shown.value = { path, params: found.params, query, component }
      failed.value = undefined
      await nextTick()
      // Not on the first load: a reader starts at the top by itself, and a ring there looks like an error.
      if (before === undefined || before === path) return
      if (isNew) scrollTo(0, 0)
      document.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true })
    } catch (error) {
      if (mine === latest) failed.value = error
    }
  }

  return {
    shown: shallowReadonly(shown),
    failed: shallowReadonly(failed),
    push(to) {
      location.hash = to
    },
    replace(to) {
      history.replaceState(null, '', `#${to}`)
      void show()
    },
    back() {
      history.back()
    },
    reload: show,
    async start(given) {
      pages = given
      addEventListener('hashchange', () => void show())
      await show()
    },
  }
}
