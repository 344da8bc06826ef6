import { reactive, shallowReactive, watch } from 'vue'
import type { FlowName } from './flows'

/** A report being written. Everything is kept in this tab until it is submitted; Back never loses a word. */
export interface Draft {
  /** A place of the address list, chosen or from a QR code. */
  place: { code: string; name: string } | null
  address: string
  /** Where the device says it is, in words that go with the address. */
  position: { lat: number; lon: number; accuracy: number } | null
  account: string
  /** Answers to "known": is it that outage; neighbours; meter. */
  same: string
  neighbours: '' | 'yes' | 'no' | 'unknown'
  meter: '' | 'lit' | 'dark' | 'unknown'
  /** Sub-type of a service, or theme of a misconduct report. */
  topic: string
  /** Symptom, topic or category. */
  what: string
  text: string
  when: string
  appointment: string
  wish: string
  earlier: string
  phone: string
  name: string
  need: boolean
  anonymous: boolean
  reply: 'phone' | 'text' | 'none'
  /** The key of a refused item that this draft mends. */
  mends: string
}

export const emptyDraft = (): Draft => ({
  place: null,
  address: '',
  position: null,
  account: '',
  same: '',
  neighbours: '',
  meter: '',
  topic: '',
  what: '',
  text: '',
  when: '',
  appointment: '',
  wish: '',
  earlier: '',
  phone: '',
  name: '',
  need: false,
  anonymous: false,
  reply: 'phone',
  mends: '',
})

const drafts = new Map<FlowName, Draft>()
const pictures = new Map<FlowName, Blob[]>()
const keyOf = (flow: FlowName): string => `lightkeeper.draft.${flow}`

function stored(flow: FlowName): Partial<Draft> {
  try {
    return JSON.parse(sessionStorage.getItem(keyOf(flow)) ?? '{}') as Partial<Draft>
  } catch {
    return {} // storage forbidden, or not ours: start empty
  }
}

/** The draft of this flow; the same object for every step. */
export function useDraft(flow: FlowName): Draft {
  const found = drafts.get(flow)
  if (found !== undefined) return found
  const draft = reactive({ ...emptyDraft(), ...stored(flow) })
  watch(draft, (now) => {
    try {
      sessionStorage.setItem(keyOf(flow), JSON.stringify(now))
    } catch {
      // Not kept over a reload then; the page itself still holds it.
    }
  })
  drafts.set(flow, draft)
  return draft
}

/** Photos of the draft, shrunk already. They live as long as the page. */
export function usePhotos(flow: FlowName): Blob[] {
  const found = pictures.get(flow) ?? shallowReactive<Blob[]>([])
  pictures.set(flow, found)
  return found
}

/** Empty the draft: the next report starts clean, and a borrowed phone keeps nothing of who sent this one. */
export function clearDraft(flow: FlowName): void {
  Object.assign(useDraft(flow), emptyDraft())
  usePhotos(flow).length = 0
}

/** Bring a refused report back to its form. */
export function restoreDraft(flow: FlowName, draft: Draft, photos: readonly Blob[], mends: string): void {
  Object.assign(useDraft(flow), emptyDraft(), draft, { mends })
  usePhotos(flow).splice(0, Infinity, ...photos)
}
