import { mount } from '@vue/test-utils'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import type { Need } from '@/office/contract'
import NeedField from '@/office/parts/NeedField.vue'
import { startWords } from '@/office/words'

const field = (choices: string[]) => {
  const need: Need = { name: 'grade', form: 'choice', required: true, choices, longest: null }
  return mount(NeedField, { props: { id: 'grade', need, office: '', modelValue: '' } })
}

describe('a need that is a choice', () => {
  it('shows what the server offers, no more, as pills where there are few', async () => {
    const wrapper = field(['major', 'special'])
    expect(wrapper.findAll('input[type=radio]').map((one) => one.attributes('value'))).toEqual(['major', 'special'])
    expect(wrapper.findAll('label.pill').map((one) => one.text())).toEqual(['major', 'special'])
    await wrapper.get('input[value=special]').setValue()
    expect(wrapper.emitted('update:modelValue')).toEqual([['special']])
  })

  it('shows a list where there are many, with nothing chosen yet', async () => {
    const wrapper = field(['a', 'b', 'c', 'd', 'e', 'f', 'g'])
    expect(wrapper.findAll('option').map((one) => one.attributes('value'))).toEqual(['', 'a', 'b', 'c', 'd', 'e', 'f', 'g'])
    await wrapper.get('select').setValue('g')
    expect(wrapper.emitted('update:modelValue')).toEqual([['g']])
  })
})

describe('the category of a complaint', () => {
  const BOOK = {
    'need.category': '类别',
    'category.service': '服务投诉',
    'category.service.attitude': '员工服务态度',
    'category.supply_quality': '供电质量投诉',
    'category.supply_quality.voltage': '电压质量',
    'category.supply_quality.voltage.flicker': '电压波动',
    'category.supply_quality.voltage.long_abnormal': '电压质量长时间异常',
    'category.not_asked_for': '别处的类别',
  }
  const CODES = Object.keys(BOOK).filter((key) => key.startsWith('category.') && !key.endsWith('asked_for')).map((key) => key.slice('category.'.length))
  const need: Need = { name: 'category', form: 'choice', required: false, choices: CODES, longest: null }
  const shown = (modelValue: string) => mount(NeedField, { props: { id: 'category', need, office: '', modelValue } })
  const offered = (modelValue: string) => shown(modelValue).findAll('select').map((one) => one.findAll('option').map((option) => option.attributes('value')))

  beforeAll(async () => {
    vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify(BOOK), { headers: { 'Content-Type': 'application/json' } })))
    await startWords()
  })

  it('is asked for level by level, each below what is chosen above it', () => {
    expect(offered('')).toEqual([['', 'service', 'supply_quality']])
    expect(offered('supply_quality')[1]).toEqual(['', 'supply_quality.voltage'])
    expect(offered('supply_quality.voltage')[2]).toEqual(['', 'supply_quality.voltage.flicker', 'supply_quality.voltage.long_abnormal'])
    expect(offered('service.attitude')).toHaveLength(2)
  })

  it('is the deepest that was chosen, and the one above where a level is emptied again', async () => {
    const wrapper = shown('supply_quality.voltage.flicker')
    const [first, second, third] = wrapper.findAll('select')
    expect([first, second, third].map((one) => one?.element.value)).toEqual(['supply_quality', 'supply_quality.voltage', 'supply_quality.voltage.flicker'])
    await third?.setValue('supply_quality.voltage.long_abnormal')
    await third?.setValue('')
    await first?.setValue('')
    expect(wrapper.emitted('update:modelValue')).toEqual([['supply_quality.voltage.long_abnormal'], ['supply_quality.voltage'], ['']])
  })

  it('has a name for each level, for who hears the page', () => {
    expect(shown('supply_quality').findAll('select').map((one) => one.attributes('aria-label'))).toEqual(['类别 1 级', '类别 2 级'])
  })
})
