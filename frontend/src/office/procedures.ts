import { getProcedures } from './api'
import type { Procedure } from './contract'

/** Every kind's procedure as data; it changes with a release, so once a tab is enough. */
const KEPT = 'lightkeeper.office.procedures'
let asked: Promise<readonly Procedure[]> | undefined

export function procedures(): Promise<readonly Procedure[]> {
  asked ??= (async () => {
    const { items } = await getProcedures()
    try {
      sessionStorage.setItem(KEPT, JSON.stringify(items))
    } catch {
      // Full: the next page asks again.
    }
    return items
  })()
  asked.catch(() => {
    asked = undefined
  })
  return asked
}

/** What this tab knows of a kind without asking anybody. */
export function knownProcedure(kind: string): Procedure | undefined {
  const text = sessionStorage.getItem(KEPT)
  return text === null ? undefined : (JSON.parse(text) as Procedure[]).find((one) => one.kind === kind)
}
