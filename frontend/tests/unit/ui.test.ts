import { mount } from '@vue/test-utils'
import { h, nextTick } from 'vue'
import { afterEach, describe, expect, it } from 'vitest'
import { setLang } from '@/i18n'
import AppButton from '@/ui/AppButton.vue'
import AppField from '@/ui/AppField.vue'
import Banner from '@/ui/Banner.vue'
import ChoiceList from '@/ui/ChoiceList.vue'
import ErrorSummary from '@/ui/ErrorSummary.vue'
import SlaChip from '@/ui/SlaChip.vue'
import Timeline from '@/ui/Timeline.vue'

const NOW = new Date('2026-11-22T00:00:00Z')
const due = (minutes: number): string => new Date(NOW.getTime() + minutes * 60_000).toISOString()

afterEach(async () => {
  await setLang('zh')
  document.body.innerHTML = ''
  document.title = ''
})

describe('a field', () => {
  const field = (props: Record<string, unknown> = {}) =>
    mount(AppField, {
      props: { id: 'phone', label: '电话', ...props },
      slots: { default: (given: object) => h('input', given) },
    })

  it('ties label, hint and message to its control', () => {
    const wrapper = field({ hint: '11 位', error: '少了几位' })
    const input = wrapper.get('input')
    expect(wrapper.get('label').attributes('for')).toBe('phone')
    expect(input.attributes('aria-describedby')).toBe('phone-hint phone-error')
    expect(input.attributes('aria-invalid')).toBe('true')
    expect(wrapper.get('#phone-error').text()).toContain('少了几位')
  })

  it('is marked when optional, and not marked wrong while right', () => {
    const wrapper = field({ optional: true })
    expect(wrapper.get('label').text()).toBe('电话（选填）')
    expect(wrapper.get('input').attributes()).not.toHaveProperty('aria-invalid')
    expect(wrapper.get('input').attributes()).not.toHaveProperty('aria-describedby')
  })

  it('around several controls is a fieldset with a legend', () => {
    const wrapper = mount(AppField, { props: { id: 'what', label: '什么情况', group: true, error: '请选一项' } })
    expect(wrapper.element.tagName).toBe('FIELDSET')
    expect(wrapper.get('legend').text()).toBe('什么情况')
    expect(wrapper.attributes('aria-describedby')).toBe('what-error')
  })
})

describe('the error summary', () => {
  it('takes the focus, marks the title and leads to the field', async () => {
    document.title = '怎样联系您？'
    document.body.innerHTML = '<input id="phone"><div id="here"></div>'
    const wrapper = mount(ErrorSummary, { props: { errors: [] }, attachTo: '#here' })
    expect(wrapper.find('[role=alert]').exists()).toBe(false)

    await wrapper.setProps({ errors: [{ field: 'phone', text: '请填写电话号码' }] })
    await nextTick()
    expect(document.activeElement).toBe(wrapper.get('[role=alert]').element)
    expect(document.title).toBe('(!) 怎样联系您？')
    await wrapper.get('button').trigger('click')
    expect(document.activeElement?.id).toBe('phone')

    await wrapper.setProps({ errors: [] })
    expect(document.title).toBe('怎样联系您？')
  })
})

describe('a clock', () => {
  const chip = (clock: Record<string, unknown>) =>
    mount(SlaChip, { props: { clock: { level: 'ok', due_at: null, ...clock } as never, now: NOW } })

  it.each([
    [{ level: 'ok', due_at: due(52) }, '○ 剩 52 分钟', 'ok'],
    [{ level: 'soon', due_at: due(8) }, '◔ 剩 8 分钟', 'soon'],
    [{ level: 'soon', due_at: due(0.5) }, '◔ 马上到时限', 'soon'],
    [{ level: 'ok', due_at: due(-11) }, '▲ 已超时 11 分钟', 'overdue'],
    [{ level: 'late3', due_at: due(-251) }, '▲▲ 已超时 4 小时 11 分', 'late3'],
    [{ level: 'paused', paused_by: 'customer' }, '‖ 暂停：等客户', 'paused'],
    [{ level: 'kept', due_at: due(0), stopped_at: due(-3) }, '✓ 按时', 'kept'],
    [{ level: 'broken', due_at: due(-60), stopped_at: due(-48) }, '✓ 迟 12 分钟', 'broken'],
    [{ level: 'ok' }, '○ 时限内', 'ok'],
  ])('%j reads "%s"', (clock, text, level) => {
    const wrapper = chip(clock)
    expect(wrapper.text()).toBe(text)
    expect(wrapper.classes()).toContain(level)
  })

  it('speaks English, and keeps the full date for those who ask', async () => {
    const wrapper = chip({ level: 'ok', due_at: due(52) })
    expect(wrapper.attributes('title')).toBe('时限 2026年11月22日 08:52')
    await setLang('en')
    expect(wrapper.text()).toBe('○ 52 min left')
  })
})

describe('small parts', () => {
  it('a busy button answers no second press, and says what it does', async () => {
    let pressed = 0
    const wrapper = mount(AppButton, { props: { busy: false, onClick: () => (pressed += 1) }, slots: { default: '提交' } })
    await wrapper.trigger('click')
    await wrapper.setProps({ busy: true })
    await wrapper.trigger('click')
    expect(pressed).toBe(1)
    expect(wrapper.text()).toBe('正在提交……')
    expect(wrapper.attributes('aria-disabled')).toBe('true')
  })

  it('an error banner is announced at once, the others politely', () => {
    expect(mount(Banner, { props: { kind: 'error' } }).attributes('role')).toBe('alert')
    expect(mount(Banner).attributes('role')).toBe('status')
  })

  it('choices are radios of one name', async () => {
    const wrapper = mount(ChoiceList, {
      props: { name: 'what', choices: [{ code: 'a', text: '甲' }, { code: 'b', text: '乙' }], modelValue: 'a' },
    })
    const radios = wrapper.findAll<HTMLInputElement>('input[type=radio][name=what]')
    expect(radios.map((radio) => radio.element.checked)).toEqual([true, false])
    await radios[1]?.setValue()
    expect(wrapper.emitted('update:modelValue')).toEqual([['b']])
  })

  it('a timeline tells times by day, with the full date behind', () => {
    const wrapper = mount(Timeline, { props: { now: NOW, moments: [{ at: due(-60), title: '已受理', kind: 'bad' }] } })
    expect(wrapper.text()).toContain('今天 07:00')
    expect(wrapper.get('time').attributes('title')).toBe('2026年11月22日 07:00')
    expect(wrapper.get('li').classes()).toContain('bad')
  })
})
