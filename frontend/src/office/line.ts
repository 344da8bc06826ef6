/**
 * The layout of a one-line diagram, whatever the size of the feeder. What is drawn is an outline that runs down the
 * page: the heaviest branch goes straight on as the trunk, the others leave it to the right, so that even a network of
 * thousands of buses is a few columns wide and fits a phone. Plain lines in a row are drawn as one; branches fold.
 */
export const LINE_STATES = ['fault', 'suspect', 'open', 'dark', 'live'] as const
export type LineState = (typeof LINE_STATES)[number]

/** A bus. x: how far from the source, if the server says. */
export interface LineNode {
  id: string
  name: string
  kind: string
  state: LineState
  households: number
  x?: number
}

/** A device between two buses. tree: false where it closes a loop or ties to elsewhere. */
export interface LineEdge {
  from: string
  to: string
  state: LineState
  device?: string
  name?: string
  kind?: string
  tree?: boolean
}

/** Something that can be pointed at: a device with the bus below it, a source, or a tie. */
export interface LineItem {
  id: string
  /** The device's id; empty at a source. */
  device: string
  name: string
  kind: string
  state: LineState
  /** Whether the bus below it has power. */
  isDark: boolean
  /** Households at it and below, and those of them without power. */
  households: number
  dark: number
  /** How many plain lines are drawn with it. */
  lines: number
  /** Where a tie or a loop leads. */
  tie?: string
  parent: LineItem | undefined
  /** The trunk comes last. */
  children: LineItem[]
}

/** One line of the drawing. */
export interface LineRow {
  item: LineItem
  column: number
  level: number
  /** Its place among its siblings, from 1, and how many they are. */
  place: number
  siblings: number
  isOpen: boolean
}

const PLAIN: readonly string[] = ['line', 'cable', 'reactor', 'impedance']
const worst = (a: LineState, b: LineState): LineState => (LINE_STATES.indexOf(a) < LINE_STATES.indexOf(b) ? a : b)

interface Way {
  edge: LineEdge
  there: string
}

/** The trees of a network, from where power comes in. Every bus is in them once; what is left over is a tie. */
export function lineTree(nodes: readonly LineNode[], edges: readonly LineEdge[]): LineItem[] {
  const bus = new Map(nodes.map((node) => [node.id, node]))
  const near = new Map<string, Way[]>(nodes.map(({ id }) => [id, []]))
  for (const edge of edges) {
    if (edge.tree === false || !bus.has(edge.from) || !bus.has(edge.to)) continue
    near.get(edge.from)?.push({ edge, there: edge.to })
    near.get(edge.to)?.push({ edge, there: edge.from })
  }
  const fed = new Set(edges.map(({ to }) => to))
  const starts = nodes.filter(({ id, x }) => (x === undefined ? !fed.has(id) : x === 0))
  const { order, up } = walk(starts, nodes, near)
  const down = new Map<string, Way[]>()
  for (const [there, way] of up) down.set(way.there, [...(down.get(way.there) ?? []), { edge: way.edge, there }])

  const ties = new Map<string, Way[]>()
  const used = new Set([...up.values()].map(({ edge }) => edge))
  for (const edge of edges) {
    if (!used.has(edge) && bus.has(edge.from)) ties.set(edge.from, [...(ties.get(edge.from) ?? []), { edge, there: edge.to }])
  }

  const weight = new Map<string, { households: number; dark: number }>()
  for (const id of [...order].reverse()) {
    const node = bus.get(id)
    const own = node?.households ?? 0
    const sum = { households: own, dark: node?.state === 'live' ? 0 : own }
    for (const { there } of down.get(id) ?? []) {
      sum.households += weight.get(there)?.households ?? 0
      sum.dark += weight.get(there)?.dark ?? 0
    }
    weight.set(id, sum)
  }
  const blank = (id: string, parent: LineItem | undefined): LineItem => {
    const node = bus.get(id)
    const { households, dark } = weight.get(id) ?? { households: 0, dark: 0 }
    const state = node?.state ?? 'live'
    return { id, device: '', name: node?.name ?? '', kind: node?.kind ?? '', state, isDark: state !== 'live', households, dark, lines: 0, parent, children: [] }
  }
  const crossed = new Set([...ties.values()].flat().map(({ there }) => there))
  const isStub = (id: string): boolean => crossed.has(id) && !down.has(id) && !ties.has(id) && (bus.get(id)?.households ?? 0) === 0
  const tops = order.filter((id) => !up.has(id))
  const roots = tops.filter((id) => tops.length === 1 || !isStub(id)).map((id) => blank(id, undefined))
  const todo = [...roots]
  for (let item = todo.pop(); item !== undefined; item = todo.pop()) {
    const parent = item
    for (const way of down.get(parent.id) ?? []) {
      const { last, lines, state } = alongLines(way, down, ties, bus)
      const child = blank(last.there, parent)
      const { edge } = last
      Object.assign(child, {
        device: edge.device ?? '', name: edge.name || child.name || (edge.device ?? ''), kind: edge.kind ?? child.kind, state, lines,
      })
      parent.children.push(child)
      todo.push(child)
    }
    parent.children.sort((a, b) => a.households - b.households || below(a, down) - below(b, down) || (a.id < b.id ? -1 : 1))
    const across = (ties.get(parent.id) ?? []).map(({ edge, there }): LineItem => ({
      id: `tie:${edge.device ?? `${edge.from}-${edge.to}`}`, device: edge.device ?? '', name: edge.name || (edge.device ?? ''), kind: edge.kind ?? '',
      state: edge.state, isDark: parent.isDark, households: 0, dark: 0, lines: 0, tie: bus.get(there)?.name || there, parent, children: [],
    }))
    parent.children.unshift(...across)
  }
  return roots
}

/** Breadth first from the starts through what is closed, then through what is open; what nothing reaches starts anew. */
function walk(
  starts: readonly LineNode[], nodes: readonly LineNode[], near: ReadonlyMap<string, Way[]>,
): { order: string[]; up: Map<string, Way> } {
  const order: string[] = []
  const up = new Map<string, Way>()
  const seen = new Set<string>()
  const begin = ({ id }: LineNode): void => {
    if (seen.has(id)) return
    seen.add(id)
    order.push(id)
  }
  const spread = (from: number, openToo: boolean): void => {
    for (let at = from; at < order.length; at += 1) {
      const here = order[at] ?? ''
      for (const { edge, there } of near.get(here) ?? []) {
        if (seen.has(there) || (edge.state === 'open' && !openToo)) continue
        seen.add(there)
        up.set(there, { edge, there: here })
        order.push(there)
      }
    }
  }
  starts.forEach(begin)
  spread(0, false)
  spread(0, true)
  for (const node of nodes) {
    const from = order.length
    begin(node)
    spread(from, true)
  }
  return { order, up }
}

/** From a way down, on through plain lines that nobody would point at, to what is worth a place. */
function alongLines(
  way: Way, down: ReadonlyMap<string, Way[]>, ties: ReadonlyMap<string, Way[]>, bus: ReadonlyMap<string, LineNode>,
): { last: Way; lines: number; state: LineState } {
  let last = way
  let lines = 0
  let { state } = way.edge
  for (;;) {
    const [next, ...others] = down.get(last.there) ?? []
    const node = bus.get(last.there)
    const isPlain = PLAIN.includes(last.edge.kind ?? '') && (last.edge.state === 'live' || last.edge.state === 'dark')
    if (!isPlain || next === undefined || others.length > 0 || ties.has(last.there) || (node?.households ?? 0) > 0) break
    lines += 1
    last = next
    state = worst(state, next.edge.state)
  }
  return { last, lines, state }
}

const below = (item: LineItem, down: ReadonlyMap<string, Way[]>): number => down.get(item.id)?.length ?? 0

/** Every item of some trees, those above before those below. */
export function* eachItem(roots: readonly LineItem[]): Generator<LineItem> {
  let here = [...roots]
  while (here.length > 0) {
    yield* here
    here = here.flatMap(({ children }) => children)
  }
}

/** The items above one, from the nearest to the source. */
export function above(item: LineItem): LineItem[] {
  const found: LineItem[] = []
  for (let at = item.parent; at !== undefined; at = at.parent) found.push(at)
  return found
}

const ROWS = 60
const EDGES_OF_DARKNESS = 30

/** Where to look first: what failed, else what may have, else where the dark begins. */
export function firstWrong(rows: readonly LineRow[]): LineRow | undefined {
  const isEdge = ({ item }: LineRow): boolean => item.isDark && item.parent?.isDark !== true
  return rows.find(({ item }) => item.state === 'fault') ?? rows.find(({ item }) => item.state === 'suspect') ?? rows.find(isEdge)
}

/**
 * What is unfolded to begin with: the way to whatever is wrong, then as much as fits, from the source on. What hangs
 * behind a transformer stays folded unless something there is wrong.
 */
export function unfolded(roots: readonly LineItem[], rows = ROWS): Set<string> {
  const open = new Set<string>()
  let shown = roots.length
  const unfold = (item: LineItem): void => {
    if (open.has(item.id) || item.children.length === 0) return
    open.add(item.id)
    shown += item.children.length
  }
  let edges = 0
  for (const item of eachItem(roots)) {
    const isEdge = item.isDark && item.parent !== undefined && !item.parent.isDark && ++edges <= EDGES_OF_DARKNESS
    if (item.state === 'fault' || item.state === 'suspect' || isEdge) above(item).reverse().forEach(unfold)
  }
  for (const item of eachItem(roots)) {
    if (shown + item.children.length > rows || item.kind === 'transformer') continue
    if (item.parent === undefined || open.has(item.parent.id)) unfold(item)
  }
  return open
}

/** The lines of the drawing, from top to bottom. */
export function lineRows(roots: readonly LineItem[], open: ReadonlySet<string>): LineRow[] {
  const rows: LineRow[] = []
  const todo: Omit<LineRow, 'isOpen'>[] = []
  const push = (items: readonly LineItem[], column: number, level: number): void => {
    for (let at = items.length - 1; at >= 0; at -= 1) {
      const item = items[at]
      if (item === undefined) continue
      const isTrunk = at === items.length - 1 && item.tie === undefined
      todo.push({ item, column: level === 1 || isTrunk ? column : column + 1, level, place: at + 1, siblings: items.length })
    }
  }
  push(roots, 0, 1)
  for (let row = todo.pop(); row !== undefined; row = todo.pop()) {
    const isOpen = open.has(row.item.id) && row.item.children.length > 0
    rows.push({ ...row, isOpen })
    if (isOpen) push(row.item.children, row.column, row.level + 1)
  }
  return rows
}
