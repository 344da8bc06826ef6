import { describe, expect, it } from 'vitest'
import type { Procedure, StaffOrder } from '@/office/contract'
import { after } from '@/office/crew/jobs'

const fault: Procedure = {
  kind: 'fault', stages: [], sub_types: [], intake: [],
  moves: [
    { name: 'receive', edges: { dispatched: 'received' }, who: ['crew'], needs: [], gates: [] },
    { name: 'set_out', edges: { received: 'received' }, who: ['crew'], needs: [], gates: [] },
    { name: 'arrive', edges: { received: 'on_site', dispatched: 'on_site' }, who: ['crew'], needs: [], gates: [] },
    { name: 'restore', edges: { on_site: 'on_site' }, who: ['crew'], needs: [], gates: [] },
    { name: 'reject', edges: { dispatched: 'accepted', received: 'accepted' }, who: ['crew'], needs: [], gates: ['not_ruled'] },
    { name: 'rule', edges: { received: 'dispatched' }, who: ['supervisor'], needs: [], gates: [] },
  ],
}
const order = { stage: 'dispatched', moves: [{ name: 'receive', label: '接单', needs: [], gates_open: [], primary: true }] } as unknown as StaffOrder
const names = (noted: string[], procedure?: Procedure): string[] => after(order, noted, 'crew', procedure).map(({ name }) => name)

describe('a crew without a network', () => {
  it('is offered what the server offered while nothing waits', () => {
    expect(names([], fault)).toEqual(['receive'])
  })

  it('goes on along the procedure after steps that wait', () => {
    expect(names(['receive'], fault)).toEqual(['set_out', 'arrive'])
    expect(names(['receive', 'set_out', 'arrive'], fault)).toEqual(['restore'])
  })

  it('is not offered what has gates or is somebody else’s', () => {
    const offered = names(['receive'], fault)
    expect(offered).not.toContain('reject')
    expect(offered).not.toContain('rule')
  })

  it('does not repeat a noted step when the table is not known', () => {
    expect(names(['receive'])).toEqual([])
  })
})
