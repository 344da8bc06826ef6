import { lang } from '@/i18n'
import { formatDay } from '@/lib/time'
import type { Facts } from '../contract'
import { line, pairs, type Own } from '../describe'
import { mark } from '../marks'
import { officeName } from '../offices'
import { maybeWord, word } from '../words'
import { t } from './texts'

/** What the ledger of issues says of itself, in the words of its pages. */

const named = (prefix: string) => (given: unknown): string => maybeWord(`${prefix}.${String(given)}`) ?? String(given)
const each = (prefix: string) => (given: unknown): string => (Array.isArray(given) ? given.map(named(prefix)).join(mark('、')) : String(given))

/** An issue's facts that orders do not have, or have by another name; ids that only the ledger needs say nothing. */
function own(): Own {
  return {
    counts: null,
    hold: null,
    open: null,
    raises: null,
    signed: null,
    supervision: null,
    unhold: null,
    child: { label: t('said.issue') },
    follow_up_on: { label: t('issue.followUp'), text: (given) => formatDay(String(given), lang.value) },
    grade_before: { label: t('said.gradeBefore'), text: named('choice.grade') },
    kind: { label: t('said.kind') },
    level: { label: t('said.level'), text: named('issue.level') },
    missing: { label: t('said.missing'), text: each('issue.item') },
    paper: { label: t('said.paper') },
    round: { label: t('said.round') },
    stage: { label: t('said.stage'), text: named('stage') },
    unit: { label: t('issue.office'), text: (given) => officeName(String(given)) },
    visit: { label: word('issue.move.visit'), text: named('choice.result') },
  }
}

/** The same with what the server has worded: people and offices that the page does not know. */
function worded(labels: Readonly<Record<string, string>>): Own {
  const known = own()
  const given = Object.entries(labels).map(([name, text]) => {
    const label = name === 'supervision' ? t('said.supervision') : (known[name]?.label ?? word(`need.${name}`))
    return [name, { label, text: () => text }] as const
  })
  return { ...known, ...Object.fromEntries(given) }
}

/** An event's facts in one line. labels: those that the server has worded. */
export const said = (facts: Facts, labels: Readonly<Record<string, string>> = {}): string => line(facts, worded(labels))

/** A step of the handling: its facts, without the label that the step itself has; what has no name is not shown. */
export function stepSaid(facts: Facts, step: string, labels: Readonly<Record<string, string>> = {}): string {
  return pairs(facts, worded(labels))
    .filter(({ label }) => /[^a-z_]/.test(label))
    .map(({ label, text }) => (label === step ? text : `${label}${mark('：')}${text}`))
    .join(mark('；'))
}

/** The name of a step of the handling, by the condition that it meets or by the move that takes it. */
const STEP: Readonly<Record<string, string>> = { investigated: 'issue.gate.investigation_written', measure: 'issue.move.measure' }
export const stepWord = (name: string): string => word(STEP[name] ?? `issue.gate.${name}`)

/** The five sections in the order of the form. */
const SECTIONS = ['basic_facts', 'event_course', 'exposed_problem', 'remedy', 'advice']
export const sections = (words: Readonly<Record<string, string>>): { label: string; text: string }[] =>
  SECTIONS.flatMap((name) => (words[name] ? [{ label: word(`need.${name}`), text: words[name] }] : []))

/** What was said at a step: a note stands for itself, then the sections. */
export function wordsSaid(words: Readonly<Record<string, string>>): string[] {
  const notes = Object.entries(words).filter(([name]) => !SECTIONS.includes(name)).map(([, text]) => text)
  return [...notes, ...sections(words).map(({ label, text }) => `${label}${mark('：')}${text}`)]
}
