import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'
import { eachItem, firstWrong, lineRows, lineTree, unfolded, type LineEdge, type LineNode, type LineState } from '@/office/line'
import LineDiagram from '@/office/parts/LineDiagram.vue'

const bus = (id: string, households = 0, state: LineState = 'live', x?: number): LineNode => ({
  id, name: '', kind: 'load', households, state, ...(x === undefined ? {} : { x }),
})
const device = (from: string, to: string, id: string, kind = 'switch', state: LineState = 'live', tree?: boolean): LineEdge => ({
  from, to, device: id, name: id, kind, state, ...(tree === undefined ? {} : { tree }),
})

/** A source, a breaker, a trunk of three sections behind SW2 (which failed), a tie at the end. */
const NODES = [
  bus('S', 0, 'live', 0), bus('a', 0, 'live', 1), bus('t1', 40, 'live', 2), bus('b', 0, 'dark', 2), bus('b2', 0, 'dark', 3), bus('t2', 30, 'dark', 3),
  bus('t3', 25, 'dark', 4), bus('Z', 0, 'live', 0),
]
const EDGES = [
  device('S', 'a', 'CB', 'breaker'), device('a', 't1', 'T-01', 'transformer'), device('a', 'b', 'SW2', 'switch', 'fault'),
  device('t2', 'b', 'T-02', 'transformer', 'dark'), // written against the flow, as networks do
  device('b', 'b2', 'L-9', 'line', 'dark'), device('b2', 't3', 'T-03', 'transformer', 'dark'), device('b2', 'Z', 'TIE', 'switch', 'open', false),
]
const items = (nodes = NODES, edges = EDGES) => new Map([...eachItem(lineTree(nodes, edges))].map((item) => [item.device || item.id, item]))

describe('the tree of a line', () => {
  it('hangs every device under the one that feeds it, whichever way it is written', () => {
    const found = items()
    const over = (id: string) => found.get(id)?.parent?.device
    expect(['CB', 'T-01', 'SW2', 'T-02', 'L-9', 'T-03'].map(over)).toEqual(['', 'CB', 'CB', 'SW2', 'SW2', 'L-9'])
  })

  it('counts the households below each, and those without power', () => {
    const found = items()
    expect([found.get('S')?.households, found.get('S')?.dark]).toEqual([95, 55])
    expect([found.get('SW2')?.households, found.get('SW2')?.dark]).toEqual([55, 55])
    expect([found.get('T-01')?.households, found.get('T-01')?.dark]).toEqual([40, 0])
  })

  it('shows a tie where it begins, and no empty end of it', () => {
    const found = items()
    expect(found.get('TIE')).toMatchObject({ state: 'open', tie: 'Z', children: [] })
    expect(found.get('TIE')?.parent?.device).toBe('L-9')
    expect(found.has('Z')).toBe(false)
  })

  it('draws plain lines in a row as one, as bad as the worst of them', () => {
    const nodes = [bus('S', 0, 'live', 0), bus('1', 0), bus('2', 0), bus('3', 7, 'dark')]
    const edges = [device('S', '1', 'L1', 'line'), device('1', '2', 'L2', 'line'), device('2', '3', 'F1', 'fuse', 'suspect')]
    const [root] = lineTree(nodes, edges)
    expect(root?.children.map(({ device: id, lines, state }) => [id, lines, state])).toEqual([['F1', 2, 'suspect']])
  })

  it('takes a loop as a tie, and every bus once, without being told which is which', () => {
    const nodes = [bus('S'), bus('1', 1), bus('2', 2), bus('3', 3)]
    const edges = [device('S', '1', 'A'), device('1', '2', 'B'), device('2', '3', 'C'), device('S', '3', 'D')]
    const all = [...eachItem(lineTree(nodes, edges))]
    expect(all.filter(({ tie }) => tie === undefined).map(({ id }) => id).sort()).toEqual(['1', '2', '3', 'S'])
    expect(all.filter(({ tie }) => tie !== undefined)).toHaveLength(1)
  })

  it('goes through what is closed before what is open', () => {
    const nodes = [bus('S'), bus('1', 1), bus('2', 2)]
    const edges = [device('S', '2', 'TIE', 'switch', 'open'), device('S', '1', 'A'), device('1', '2', 'B')]
    expect(items(nodes, edges).get('B')?.parent?.device).toBe('A')
  })

  it('shows a bus that nothing reaches, instead of hiding it', () => {
    expect(lineTree([bus('S', 0, 'live', 0), bus('lost', 4, 'live', 3)], []).map(({ id }) => id)).toEqual(['S', 'lost'])
  })
})

describe('the rows of a line', () => {
  const roots = lineTree(NODES, EDGES)
  const all = new Set([...eachItem(roots)].map(({ id }) => id))

  it('keep the heaviest branch in its column, and put it last', () => {
    const rows = lineRows(roots, all)
    expect(rows.map(({ item, column }) => [item.device, column])).toEqual([
      ['', 0], ['CB', 0], ['T-01', 1], ['SW2', 0], ['L-9', 1], ['TIE', 2], ['T-03', 1], ['T-02', 0],
    ])
  })

  it('hide what hangs under a folded one', () => {
    expect(lineRows(roots, new Set(['S'])).map(({ item }) => item.device)).toEqual(['', 'CB'])
  })

  it('lead to what failed first, else to where the dark begins', () => {
    expect(firstWrong(lineRows(roots, all))?.item.device).toBe('SW2')
    const dark = lineTree(NODES, EDGES.map((edge) => (edge.state === 'fault' ? { ...edge, state: 'dark' as const } : edge)))
    expect(firstWrong(lineRows(dark, all))?.item.device).toBe('SW2')
    expect(firstWrong(lineRows(lineTree([bus('S'), bus('1')], [device('S', '1', 'A')]), all))).toBeUndefined()
  })

  it('leave what hangs behind a transformer folded, unless it is wrong there', () => {
    const nodes = [bus('S', 0, 'live', 0), bus('t'), bus('box', 5), bus('u'), bus('cab', 5, 'dark')]
    const edges = [device('S', 't', 'T1', 'transformer'), device('t', 'box', 'B1', 'breaker'), device('S', 'u', 'T2', 'transformer'), device('u', 'cab', 'B2', 'breaker', 'fault')]
    const two = lineTree(nodes, edges)
    expect([...unfolded(two)].sort()).toEqual(['S', 'u'])
  })

  it('of a feeder of thousands are few at first, and lead to what is wrong', () => {
    const nodes = [bus('0', 0, 'live', 0)]
    const edges: LineEdge[] = []
    for (let n = 1; n < 4000; n += 1) {
      const bad = n === 3777
      nodes.push(bus(String(n), 1, bad ? 'dark' : 'live'))
      edges.push(device(String(Math.floor((n - 1) / 3)), String(n), `D${n}`, 'switch', bad ? 'fault' : 'live'))
    }
    const big = lineTree(nodes, edges)
    const rows = lineRows(big, unfolded(big))
    expect(rows.length).toBeLessThan(90)
    expect(rows.some(({ item }) => item.device === 'D3777')).toBe(true)
  })
})

describe('the diagram', () => {
  const show = () => mount(LineDiagram, { props: { nodes: NODES, edges: EDGES }, attachTo: document.body })
  const focusedName = () => document.activeElement?.getAttribute('aria-label')
  const press = async (wrapper: ReturnType<typeof show>, key: string) => {
    await wrapper.get('[role=treeitem][tabindex="0"]').trigger('keydown', { key })
    await new Promise((resolve) => setTimeout(resolve))
  }

  it('is one stop of the Tab key, at what is wrong; the arrows walk it', async () => {
    const wrapper = show()
    await wrapper.vm.$nextTick()
    expect(wrapper.get('[role=treeitem][tabindex="0"]').attributes('aria-label')).toContain('SW2')
    await press(wrapper, 'Home')
    expect(wrapper.findAll('[role=treeitem][tabindex="0"]')).toHaveLength(1)
    await press(wrapper, 'ArrowDown')
    expect(focusedName()).toContain('CB')
    expect(wrapper.findAll('[role=treeitem][tabindex="0"]')).toHaveLength(1)
    await press(wrapper, 'End')
    await press(wrapper, 'ArrowLeft')
    expect(focusedName()).toContain('SW2')
    wrapper.unmount()
  })

  it('folds with the left arrow and unfolds with the right one', async () => {
    const wrapper = show()
    await press(wrapper, 'Home')
    const before = wrapper.findAll('[role=treeitem]').length
    await press(wrapper, 'ArrowLeft')
    expect(wrapper.findAll('[role=treeitem]')).toHaveLength(1)
    expect(wrapper.get('[role=treeitem]').attributes('aria-expanded')).toBe('false')
    await press(wrapper, 'ArrowRight')
    expect(wrapper.findAll('[role=treeitem]')).toHaveLength(before)
    wrapper.unmount()
  })

  it('opens what is pointed at, by key and by mouse', async () => {
    const wrapper = show()
    await press(wrapper, 'Home')
    await press(wrapper, 'ArrowDown')
    await press(wrapper, 'Enter')
    await wrapper.findAll('[role=treeitem]').find((one) => one.attributes('aria-label')?.startsWith('SW2'))?.trigger('click')
    expect(wrapper.emitted('open')?.map(([item]) => (item as { device: string }).device)).toEqual(['CB', 'SW2'])
    wrapper.unmount()
  })

  it('says in words and in shape what the colour says', () => {
    const wrapper = show()
    const spoken = wrapper.findAll('[role=treeitem]').map((one) => one.attributes('aria-label') ?? '')
    expect(spoken.find((one) => one.startsWith('SW2'))).toBe('SW2 开关，故障点，停电 55 户')
    expect(spoken.find((one) => one.startsWith('T-01'))).toBe('T-01 变压器，有电，40 户')
    const shapes = new Set(['fault', 'dark', 'open', 'live'].map((state) => wrapper.get(`.legend .mark.${state} path`).attributes('d')))
    expect(shapes.size).toBe(4)
    wrapper.unmount()
  })

  it('keeps what was folded when the data come anew, and shows what has failed since', async () => {
    const wrapper = show()
    await press(wrapper, 'Home')
    await press(wrapper, 'ArrowLeft')
    await wrapper.setProps({ edges: [...EDGES] })
    expect(wrapper.findAll('[role=treeitem]')).toHaveLength(1)
    await wrapper.setProps({ edges: EDGES.map((edge) => (edge.device === 'T-01' ? { ...edge, state: 'suspect' as const } : edge)) })
    expect(wrapper.findAll('[role=treeitem]').some((one) => one.attributes('aria-label')?.startsWith('T-01'))).toBe(true)
    wrapper.unmount()
  })

  it('says so when there is nothing to draw', () => {
    expect(mount(LineDiagram, { props: { nodes: [], edges: [] } }).text()).toContain('没有接线数据')
  })
})
