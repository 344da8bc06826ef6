import { describe, expect, it } from 'vitest'
import type { Move, Need } from '@/office/contract'
import { begin, check, fromField, moveFor, offered, photosOf, toData, toField } from '@/office/moveform'

const need = (name: string, form: Need['form'], rest: Partial<Need> = {}): Need => ({ name, form, required: true, choices: [], longest: 500, ...rest })
const move = (name: string, needs: Need[] = [], rest: Partial<Move> = {}): Move => ({ name, label: name, needs, gates_open: [], primary: false, ...rest })

describe('a move’s form', () => {
  const dispatch = move('dispatch', [need('office', 'office'), need('staff', 'staff', { required: false }), need('note', 'text', { required: false, longest: 5 })])

  it('begins with what was advised and nothing else', () => {
    expect(begin(dispatch, { office: 's1', staff: 'c1', evil: 'x' })).toEqual({ office: 's1', staff: 'c1', note: '' })
  })

  it('asks for what is required, and for text that is not too long', () => {
    expect(check(dispatch, { office: '', staff: '', note: '' })).toEqual({ office: 'empty' })
    expect(check(dispatch, { office: 's1', staff: '', note: '123456' })).toEqual({ note: 'tooLong' })
    expect(check(dispatch, { office: '  ', staff: '', note: '' })).toEqual({ office: 'empty' })
  })

  it('sends what was filled in, and no empty field', () => {
    expect(toData(dispatch, { office: 's1', staff: '', note: ' 看狗 ' })).toEqual({ office: 's1', note: '看狗' })
  })

  it('tells no from not answered', () => {
    const reply = move('reply', [need('power_back', 'flag')])
    expect(begin(reply)).toEqual({ power_back: undefined })
    expect(check(reply, { power_back: undefined })).toEqual({ power_back: 'empty' })
    expect(check(reply, { power_back: false })).toEqual({})
    expect(toData(reply, { power_back: false })).toEqual({ power_back: false })
  })

  it('takes order numbers as people type them and refuses one with a wrong digit', () => {
    const merge = move('merge', [need('parent', 'order')])
    expect(toData(merge, { parent: '3613 1315 9786 8233' })).toEqual({ parent: '3613131597868233' })
    expect(check(merge, { parent: '3613 1315 9786 8234' })).toEqual({ parent: 'number' })
  })

  it('sends the choices that were made, and asks for those that were not', () => {
    const raise = move('raise_grade', [need('grade', 'choice', { choices: ['major', 'special'] }), need('reason', 'choice', { choices: ['media'] }), need('note', 'text')])
    expect(check(raise, begin(raise))).toEqual({ grade: 'empty', reason: 'empty', note: 'empty' })
    expect(toData(raise, { grade: 'major', reason: 'media', note: '记者来访' })).toEqual({ grade: 'major', reason: 'media', note: '记者来访' })
  })

  it('refuses a phone that is none', () => {
    const correct = move('correct_phone', [need('phone', 'text', { longest: 40 })])
    expect(check(correct, { phone: '123' })).toEqual({ phone: 'phone' })
    expect(check(correct, { phone: '１３８ ００１３ ８０００' })).toEqual({})
  })

  it('reads and writes times of the office, which are China’s wherever the browser is', () => {
    expect(toField(new Date('2026-11-21T22:47:00Z'))).toBe('2026-11-22T06:47')
    expect(new Date(fromField('2026-11-22T06:47')).toISOString()).toBe('2026-11-21T22:47:00.000Z')
  })

  it('sends photos as the ids of their uploads', () => {
    const arrive = move('arrive', [need('files', 'files', { required: false })])
    const photo = new Blob(['x'])
    const values = { ...begin(arrive), files: [photo] }
    expect(photosOf(values)).toEqual([photo])
    expect(toData(arrive, values, ['id1'])).toEqual({ files: ['id1'] })
    expect(toData(arrive, values)).toEqual({})
  })
})

describe('the moves on offer', () => {
  const moves = [move('note'), move('suspend', [], { gates_open: ['x'] }), move('reassign'), move('receive', [], { primary: true }), move('absorb')]

  it('stand with the main one first and the closed ones last; the parent’s side of a merger is not pressed', () => {
    expect(offered(moves).map(({ name }) => name)).toEqual(['receive', 'note', 'reassign', 'suspend'])
  })

  it('answer a key by whatever way is open', () => {
    expect(moveFor('dispatch', moves)?.name).toBe('reassign')
    expect(moveFor('merge', moves)).toBeUndefined()
    expect(moveFor('dispatch', [move('dispatch', [], { gates_open: ['g'] })])).toBeUndefined()
  })
})
