import { onScopeDispose, shallowRef } from 'vue'

/** What the command box offers: pages, and what the parts of the page can do now. */
export interface Command {
  id: string
  label: string
  /** What it concerns: an order's number, or what kind of entry it is. */
  about: string
  /** Offered only to who has typed something that fits: there may be hundreds. */
  found?: boolean
  run: () => void
}

type Source = () => readonly Command[]

const sources = shallowRef<readonly Source[]>([])
const MOST = 12

/** Offer commands while the component lives. */
export function useCommands(source: Source): void {
  sources.value = [...sources.value, source]
  onScopeDispose(() => {
    sources.value = sources.value.filter((one) => one !== source)
  })
}

/** Everything that is offered now; what the order before us can do comes first. */
export const allCommands = (): Command[] => [...sources.value].reverse().flatMap((source) => [...source()])

const plain = (text: string): string => text.normalize('NFKC').toLowerCase().replace(/\s+/g, '')

/** Those that fit what was typed, in the order in which they were offered, those that begin with it first. */
export function matching(commands: readonly Command[], typed: string): Command[] {
  const wanted = plain(typed)
  if (wanted === '') return commands.filter(({ found }) => found !== true)
  const starts = (one: Command): boolean => plain(one.label).startsWith(wanted)
  const fits = commands.filter((one) => plain(`${one.label} ${one.about}`).includes(wanted))
  return [...fits.filter(starts), ...fits.filter((one) => !starts(one))].slice(0, MOST)
}
