import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import * as after from '@/citizen/after.en'
import * as afterZh from '@/citizen/after.zh'
import * as core from '@/citizen/en'
import * as info from '@/citizen/info.en'
import * as infoZh from '@/citizen/info.zh'
import * as report from '@/citizen/report.en'
import * as reportZh from '@/citizen/report.zh'
import * as coreZh from '@/citizen/zh'
import * as common from '@/i18n/en'
import * as commonZh from '@/i18n/zh'
import * as grid from '@/office/grid/en'
import * as gridZh from '@/office/grid/zh'
import * as outages from '@/office/outages/en'
import * as outagesZh from '@/office/outages/zh'
import * as planned from '@/office/planned/en'
import * as plannedZh from '@/office/planned/zh'
import * as resources from '@/office/resources/en'
import * as resourcesZh from '@/office/resources/zh'
import * as status from '@/status/en'
import * as statusZh from '@/status/zh'
import { CATEGORIES, DANGERS, FLOWS, REPLIES, SUB_TYPES, SYMPTOMS, THEMES, TOPICS, VOICES } from '@/citizen/flows'

function leaves(texts: object, at = ''): [string, string][] {
  return Object.entries(texts).flatMap(([key, value]) =>
    typeof value === 'string' ? [[at + key, value] as [string, string]] : leaves(value as object, `${at}${key}.`),
  )
}
const holes = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort()

describe.each([
  ['common', commonZh.zh, common.en],
  ['citizen', coreZh.zh, core.en],
  ['report', reportZh.zh, report.en],
  ['after', afterZh.zh, after.en],
  ['info', infoZh.zh, info.en],
  ['grid', gridZh.zh, grid.en],
  ['outages', outagesZh.zh, outages.en],
  ['planned', plannedZh.zh, planned.en],
  ['resources', resourcesZh.zh, resources.en],
  ['status', statusZh.zh, status.en],
])('the texts of %s', (_, zh, en) => {
  const english = new Map(leaves(en))

  it('exist in both languages with the same placeholders', () => {
    // The type checker sees missing keys; not extra ones, and not placeholders.
    expect([...english.keys()].sort()).toEqual(leaves(zh).map(([key]) => key).sort())
    for (const [key, text] of leaves(zh)) expect([key, holes(english.get(key) ?? '')]).toEqual([key, holes(text)])
  })

  it('use full-width punctuation in Chinese', () => {
    for (const [key, text] of leaves(zh)) {
      expect([key, /[\u4e00-\u9fff][,;:?!]|[,;:?!](?=[\u4e00-\u9fff])/.test(text)]).toEqual([key, false])
    }
  })
})

it('every code that a page offers has a name', () => {
  const names = (texts: object, codes: readonly string[]): void => {
    for (const code of codes) expect(Object.keys(texts)).toContain(code)
  }
  names(coreZh.zh.flow, Object.keys(FLOWS))
  names(reportZh.zh.voice, VOICES)
  names(reportZh.zh.topic.sub, SUB_TYPES)
  names(reportZh.zh.topic.theme, THEMES)
  names(reportZh.zh.details.symptom, [...SYMPTOMS, ...DANGERS])
  names(reportZh.zh.details.topic, TOPICS)
  names(reportZh.zh.details.category, CATEGORIES)
  names(reportZh.zh.who.reply, REPLIES)
})

it('every step that the server shows to citizens has its words', () => {
  const words = readFileSync(join(import.meta.dirname, '../../../chalicelib/domain/words.py'), 'utf8')
  const steps = [...words.matchAll(/"public\.(?:move|stage)\.(\w+)"/g)].map(([, slug = '']) => slug)
  const known = { ...afterZh.zh.event, ...afterZh.zh.stage }
  expect(steps.length).toBeGreaterThan(30)
  expect(steps.filter((slug) => !(slug in known))).toEqual([])
})
