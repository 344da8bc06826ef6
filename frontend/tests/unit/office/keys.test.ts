import { afterEach, describe, expect, it } from 'vitest'
import { isTaken, keyName } from '@/office/keys'

function press(target: Element, init: KeyboardEventInit): KeyboardEvent {
  document.body.append(target)
  let seen: KeyboardEvent | undefined
  const hear = (event: KeyboardEvent): void => {
    seen = event
  }
  addEventListener('keydown', hear)
  target.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, ...init }))
  removeEventListener('keydown', hear)
  if (seen === undefined) throw new Error('not heard')
  return seen
}

const element = (tag: string): HTMLElement => document.createElement(tag)

afterEach(() => {
  document.body.replaceChildren()
})

describe('the office’s keys', () => {
  it('are named as the sheet shows them', () => {
    expect(keyName({ key: 'j', ctrlKey: false, metaKey: false })).toBe('j')
    expect(keyName({ key: 'Enter', ctrlKey: true, metaKey: false })).toBe('Ctrl+Enter')
    expect(keyName({ key: 'Enter', ctrlKey: false, metaKey: true })).toBe('Ctrl+Enter')
  })

  it('work on the page, and not inside fields', () => {
    expect(isTaken(press(element('div'), { key: 'j' }), true)).toBe(false)
    for (const tag of ['input', 'textarea', 'select']) expect(isTaken(press(element(tag), { key: 'j' }), true)).toBe(true)
  })

  it('leave a composing input method alone', () => {
    expect(isTaken(press(element('div'), { key: 'd', isComposing: true }), true)).toBe(true)
    expect(isTaken(press(element('div'), { key: 'Process', keyCode: 229 } as KeyboardEventInit), true)).toBe(true)
  })

  it('leave Enter to a focused button, but not j', () => {
    expect(isTaken(press(element('button'), { key: 'Enter' }), true)).toBe(true)
    expect(isTaken(press(element('button'), { key: 'j' }), true)).toBe(false)
  })

  it('can be switched off; Escape and Ctrl+Enter stay', () => {
    const dialog = document.createElement('dialog')
    dialog.setAttribute('open', '')
    document.body.append(dialog)
    expect(isTaken(press(element('div'), { key: 'Escape' }), true)).toBe(true) // it closes the dialog, not the page
    dialog.remove()
    expect(isTaken(press(element('div'), { key: 'd' }), false)).toBe(true)
    expect(isTaken(press(element('input'), { key: 'Escape' }), false)).toBe(false)
    expect(isTaken(press(element('textarea'), { key: 'Enter', ctrlKey: true }), false)).toBe(false)
  })
})
