import { mount, flushPromises } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { OutagePage } from '@/office/outages/api'
import ProposalBanner from '@/office/outages/ProposalBanner.vue'

const outage = (over: object): OutagePage =>
  ({ id: '261122-AAAAAA', version: 7, proposal: { move: 'restore_part', at: '2026-11-22T06:00:30.000Z', transformers: ['T-01', 'T-02'], by: '', by_role: 'crew', ...over } }) as unknown as OutagePage

describe('power that is known to be back and not entered', () => {
  afterEach(() => vi.unstubAllGlobals())

  it('is entered by one press, to the second, for those behind whom meters say so', async () => {
    const sent = vi.fn<typeof fetch>(async () => Promise.resolve(new Response(JSON.stringify({ id: '261122-AAAAAA', version: 8 }), { headers: { 'Content-Type': 'application/json' } })))
    vi.stubGlobal('fetch', sent)
    const page = mount(ProposalBanner, { props: { outage: outage({}), names: { 'T-01': '河尾村1号' } } })
    expect(page.text()).toContain('河尾村1号、T-02')
    await page.findAll('button')[0]?.trigger('click')
    await flushPromises()
    const [input, init] = sent.mock.calls[0] ?? []
    const body: unknown = input instanceof Request ? await input.json() : JSON.parse(String(init?.body))
    expect(body).toEqual({ at: '2026-11-22T06:00:30.000Z', transformers: 'T-01,T-02' })
    expect(page.emitted('done')).toHaveLength(1)
  })

  it('is chosen first where nobody knows which part it is', async () => {
    const page = mount(ProposalBanner, { props: { outage: outage({ transformers: [] }), names: {} } })
    const buttons = page.findAll('button')
    expect(buttons).toHaveLength(1)
    await buttons[0]?.trigger('click')
    expect(page.emitted('choose')).toEqual([['restore_part', { at: '2026-11-22T06:00:30.000Z' }]])
  })

  it('shows nothing where nothing is proposed', () => {
    const page = mount(ProposalBanner, { props: { outage: { ...outage({}), proposal: null }, names: {} } })
    expect(page.find('.banner').exists()).toBe(false)
  })
})
