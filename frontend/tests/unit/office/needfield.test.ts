import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'
import type { Need } from '@/office/contract'
import NeedField from '@/office/parts/NeedField.vue'

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
