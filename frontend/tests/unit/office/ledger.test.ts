import { describe, expect, it } from 'vitest'
import { byNeed, dueClock, isView, partOf, ranked, stateMark } from '@/office/ledger/ledger'
import type { Gate } from '@/office/ledger/api'
import { said, sections, stepSaid, wordsSaid } from '@/office/ledger/said'

const gate = (name: string, met: boolean): Gate => ({ name, label: name, met, by: '', by_name: '', at: null, why: '', why_label: '' })
const move = (name: string, primary = false, gates_open: string[] = []) => ({ name, primary, gates_open })

describe('the ledger', () => {
  it('shows what is still open before what is met, each in the order of the table', () => {
    expect(byNeed([gate('a', true), gate('b', false), gate('c', true), gate('d', false)]).map(({ name }) => name)).toEqual(['b', 'd', 'a', 'c'])
  })
  it('puts the main move first, what a gate holds up behind, what ends the line last', () => {
    expect(ranked([move('terminate'), move('clear', false, ['signed']), move('note_tendency'), move('contact', true)]).map(({ name }) => name)).toEqual(['contact', 'note_tendency', 'clear', 'terminate'])
  })
  it('knows what each move is part of, so that three dozen do not stand in one row', () => {
    expect(['investigate', 'clear', 'supervise', 'merge', 'regulator_extended', 'terminate'].map(partOf)).toEqual(['handling', 'clearing', 'oversight', 'orders', 'regulator', 'other'])
  })
  it('never says a state by colour alone', () => {
    const marks = ['open', 'handling', 'signing', 'cleared', 'followed_up', 'terminated'].map((state) => stateMark(state).icon)
    expect(new Set(marks).size).toBe(marks.length)
  })
  it('knows its views from what stands in an address', () => {
    expect([isView('overdue'), isView('everything'), isView(undefined)]).toEqual([true, false, false])
  })
  it('counts towards what is due next as the server states it', () => {
    expect(dueClock({ clock: 'legal', label: '法定', whose: 'law', at: '2026-12-01T09:00:00Z', level: 'soon' })).toEqual({ due_at: '2026-12-01T09:00:00Z', level: 'soon' })
  })
})

describe('an issue in words', () => {
  it('leaves out what only the ledger needs and dates a day', () => {
    expect(said({ counts: ['X-QH'], signed: [['city', 'a']], hold: [], supervision: '3', follow_up_on: '2026-12-17' })).toBe('跟踪日期：2026年12月17日')
  })
  it('says once what step and fact are both called', () => {
    expect(stepSaid({ follow_up_on: '2026-12-17' }, '跟踪日期')).toBe('2026年12月17日')
  })
  it('reads the five sections in the order of the form, a note as it is', () => {
    expect(wordsSaid({ remedy: '三', basic_facts: '一', event_course: '二' }).map((text) => text.slice(-1))).toEqual(['一', '二', '三'])
    expect(wordsSaid({ note: '已上门。' })).toEqual(['已上门。'])
    expect(sections({ remedy: '三', basic_facts: '一', note: '已上门。' }).map(({ text }) => text)).toEqual(['一', '三'])
  })
})
