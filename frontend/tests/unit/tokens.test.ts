import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const css = readFileSync(join(import.meta.dirname, '../../src/ui/base.css'), 'utf8')

function tokens(block: string): Map<string, string> {
  return new Map([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{3,6})\b/g)].map(([, name = '', value = '']) => [name, value]))
}

const start = css.indexOf('@media (prefers-color-scheme: dark)')
const light = tokens(css.slice(0, start))
const dark = new Map([...light, ...tokens(css.slice(start, css.indexOf('*,', start)))])

/** WCAG 2 relative luminance. */
function luminance(hex: string): number {
  const full = hex.length === 4 ? hex.replace(/[0-9a-f]/g, '$&$&') : hex
  const [r = 0, g = 0, b = 0] = [1, 3, 5]
    .map((i) => parseInt(full.slice(i, i + 2), 16) / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function contrast(a: string, b: string): number {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y)
  return (high + 0.05) / (low + 0.05)
}

const TEXT = [
  ['text', 'bg'], ['text', 'surface'], ['text', 'surface-quiet'],
  ['muted', 'bg'], ['muted', 'surface'], ['muted', 'surface-quiet'],
  ['link', 'bg'], ['link', 'surface'], ['link', 'surface-quiet'],
  ['error', 'bg'], ['error', 'surface'], ['on-error-quiet', 'error-quiet'],
  ['brand-text', 'bg'], ['brand-text', 'surface'], ['on-brand', 'brand'], ['on-brand', 'brand-strong'],
  ['on-brand-quiet', 'brand-quiet'], ['on-warn-quiet', 'warn-quiet'], ['on-danger', 'danger'], ['on-danger', 'danger-strong'],
  ...['ok', 'soon', 'overdue', 'late3', 'paused', 'done'].map((level) => [`sla-${level}-text`, `sla-${level}`]),
] as [string, string][]
const EDGES = [['field-line', 'surface'], ['field-line', 'bg'], ['focus', 'focus-ring']] as [string, string][]

describe.each([['light', light], ['dark', dark]] as const)('in %s', (_, palette) => {
  const ratio = ([a, b]: [string, string]): number => contrast(palette.get(a) ?? '', palette.get(b) ?? '')

  it.each(TEXT)('--%s on --%s is readable (4.5 : 1)', (a, b) => {
    expect(ratio([a, b])).toBeGreaterThanOrEqual(4.5)
  })

  it.each(EDGES)('--%s against --%s can be seen (3 : 1)', (a, b) => {
    expect(ratio([a, b])).toBeGreaterThanOrEqual(3)
  })
})
