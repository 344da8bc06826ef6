import { describe, expect, it } from 'vitest'
import { countdown } from '@/lib/sla'

const NOW = new Date('2026-11-22T00:00:00Z')
const due = (minutes: number): string => new Date(NOW.getTime() + minutes * 60_000).toISOString()

describe('the browser only counts', () => {
  it.each(['ok', 'soon'] as const)('%s stays as the server said while time is left', (level) => {
    expect(countdown({ level, due_at: due(5) }, NOW)).toEqual({ level, left: 300_000 })
  })

  it('a running clock whose time passed since the fetch is overdue', () => {
    expect(countdown({ level: 'ok', due_at: due(-1) }, NOW)).toEqual({ level: 'overdue', left: -60_000 })
  })

  it('on the dot is kept', () => {
    expect(countdown({ level: 'soon', due_at: due(0) }, NOW).level).toBe('soon')
  })

  it('never makes a clock look better than the server said', () => {
    expect(countdown({ level: 'late3', due_at: due(5) }, NOW).level).toBe('late3')
    expect(countdown({ level: 'overdue', due_at: due(5) }, NOW).level).toBe('overdue')
  })

  it('a paused clock does not count', () => {
    expect(countdown({ level: 'paused', due_at: due(-5) }, NOW)).toEqual({ level: 'paused' })
  })

  it('a stopped clock tells by how much it was early or late, and counts no further', () => {
    expect(countdown({ level: 'kept', due_at: due(0), stopped_at: due(-3) }, NOW)).toEqual({ level: 'kept', left: 180_000 })
    expect(countdown({ level: 'broken', due_at: due(-60), stopped_at: due(-48) }, NOW)).toEqual({
      level: 'broken',
      left: -720_000,
    })
  })

  it('a clock without a date shows its level alone', () => {
    expect(countdown({ level: 'ok', due_at: null }, NOW)).toEqual({ level: 'ok' })
  })
})
