import { answer, connect, fetchPatiently, refusal } from './client'
import type { Outages, paths, PromiseMade } from './contract'

const api = connect<paths>()

/** The static file that survives the server; the service worker keeps its last copy. */
export async function getStatus(): Promise<Outages> {
  const response = await fetchPatiently(new URL('./status.json', document.baseURI).href)
  const body: unknown = await response.json().catch(() => undefined)
  if (!response.ok || body === undefined) throw refusal(response, body)
  return body as Outages
}

export const getPromises = (): Promise<PromiseMade[]> => answer(api.GET('/api/v1/meta/promises'))
