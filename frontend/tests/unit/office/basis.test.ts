import { expect, it } from 'vitest'
import { basis } from '@/office/admin/basis'

it('a limit’s source is told apart from what kind of source it is', () => {
  expect(basis('[found] State Grid, art. 6')).toEqual({ kind: 'found', text: 'State Grid, art. 6' })
  expect(basis('[background, unverified, mid] practice')).toEqual({ kind: 'background', text: 'practice' })
  expect(basis('县公司〔2026〕3号')).toEqual({ kind: 'own', text: '县公司〔2026〕3号' })
  expect(basis('[附件] 县公司')).toEqual({ kind: 'own', text: '[附件] 县公司' })
})
