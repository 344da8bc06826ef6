import { expect, it } from 'vitest'
import { matching, type Command } from '@/office/commands'

const command = (label: string, about = '', found = false): Command => ({ id: label, label, about, found, run: () => undefined })
const ALL = [command('派单', '4997 5406'), command('工单', '页面'), command('管理：人员', '页面'), command('故障报修 停电', '2952 4338 1015 9477', true)]
const labels = (typed: string): string[] => matching(ALL, typed).map(({ label }) => label)

it('the command box offers all that is few before anything is typed', () => {
  expect(labels('')).toEqual(['派单', '工单', '管理：人员'])
})

it('the command box finds by any part, by an order’s last digits, in any width, and the beginning first', () => {
  expect(labels('单')).toEqual(['派单', '工单'])
  expect(labels('９４７７')).toEqual(['故障报修 停电'])
  expect(labels('1015 9477')).toEqual(['故障报修 停电'])
  expect(matching([command('退出工单'), command('工单')], '工单').map(({ label }) => label)).toEqual(['工单', '退出工单'])
  expect(labels('没有的')).toEqual([])
})
