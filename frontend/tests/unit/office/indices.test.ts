import { describe, expect, it } from 'vitest'
import { causeKey, columns, query, shown, wantedBy } from '@/office/indices/indices'

describe('the table of indices', () => {
  it('shows shares in per cent, and a dash where there is no denominator', () => {
    expect(shown('rs1', 0.999_934_1)).toBe('99.9934%')
    expect(shown('saifi', 0.49)).toBe('0.490')
    expect(shown('saidi_minutes', 29.4)).toBe('29.4')
    expect(shown('asai', null)).toBe('—')
  })

  it('has no minutes a customer where transformers are counted', () => {
    expect(columns('transformers')).not.toContain('saidi_minutes')
    expect(columns('transformers')).toContain('aihc_hours')
    expect(columns('customers')).toContain('saidi_minutes')
  })

  it('asks from the first of the month until today, and for nothing that is empty', () => {
    const wanted = wantedBy({}, '2026-11-22')
    expect(query(wanted)).toEqual({ from: '2026-11-01', to: '2026-11-22', by: 'office', base: 'customers', cemi: '3' })
  })

  it('reads back from the address what it wrote there', () => {
    const address = { from: '2026-07-01', to: '2026-07-31', by: 'cause', base: 'transformers', momentary_minutes: '1', cemi: '2', exclude: 'planned,trees', without: '2026-07-02,2026-07-03' }
    expect(query(wantedBy(address, '2026-11-22'))).toEqual(address)
  })

  it('takes days however they are divided', () => {
    const wanted = { ...wantedBy({}, '2026-11-22'), without: ' 2026-07-01，2026-07-02、2026-07-03 ' }
    expect(query(wanted)['without']).toBe('2026-07-01,2026-07-02,2026-07-03')
  })

  it('calls what nobody gave a cause unknown', () => {
    expect(causeKey('')).toBe('outage.cause.unknown')
    expect(causeKey('trees.tree_fallen')).toBe('outage.cause.trees.tree_fallen')
  })
})
