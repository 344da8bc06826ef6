/** What a limit rests on. The shipped sources begin with it: `[found] State Grid …`, `[background, unverified, mid] …`. */
const KINDS = ['found', 'exam', 'background', 'design'] as const

export interface Basis {
  kind: (typeof KINDS)[number] | 'own'
  text: string
}

export function basis(source: string): Basis {
  const [, tag, text] = /^\[(\w+)[^\]]*\]\s*(.*)$/s.exec(source) ?? []
  const kind = KINDS.find((one) => one === tag)
  return kind === undefined ? { kind: 'own', text: source } : { kind, text: text ?? '' }
}
