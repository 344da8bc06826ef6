import { describe, expect, it } from 'vitest'
import { useAttempt } from '@/lib/attempt'

describe('an attempt', () => {
  it('is one at a time: pressed again meanwhile, nothing is done', async () => {
    const { busy, attempt } = useAttempt()
    const done: string[] = []
    let finish = (): void => undefined
    const first = attempt(() => new Promise<void>((resolve) => (finish = resolve)).then(() => void done.push('first')))
    expect(busy.value).toBe(true)
    expect(await attempt(async () => done.push('second'))).toBe(false)

    finish()

    expect(await first).toBe(true)
    expect(done).toEqual(['first'])
    expect(busy.value).toBe(false)
  })

  it('that failed says why until the next', async () => {
    const { busy, error, attempt } = useAttempt()
    const why = new Error('no')

    expect(await attempt(() => Promise.reject(why))).toBe(false)
    expect([busy.value, error.value]).toEqual([false, why])

    expect(await attempt(() => Promise.resolve())).toBe(true)
    expect(error.value).toBeUndefined()
  })
})
