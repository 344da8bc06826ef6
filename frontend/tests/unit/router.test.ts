import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hashRouter, match, parse, type HashRouter } from '@/lib/router'

describe('a pattern', () => {
  it.each([
    ['/', '/', {}],
    ['/track', '/track', {}],
    ['/track/:number', '/track/12', { number: '12' }],
    ['/report/:flow/:step?', '/report/fault', { flow: 'fault' }],
    ['/report/:flow/:step?', '/report/fault/who', { flow: 'fault', step: 'who' }],
    ['/rate/:code', '/rate/a%20b', { code: 'a b' }],
    ['/rate/:code', '/rate/%zz', { code: '%zz' }],
    ['*', '/any/thing', {}],
  ])('%s fits %s', (pattern, path, params) => {
    expect(match(pattern, path)).toEqual(params)
  })

  it.each([
    ['/', '/track'],
    ['/track', '/'],
    ['/track/:number', '/track'],
    ['/track/:number', '/track/1/2'],
    ['/report/:flow/:step?', '/report'],
  ])('%s does not fit %s', (pattern, path) => {
    expect(match(pattern, path)).toBeUndefined()
  })
})

it('a fragment has a path and a query', () => {
  expect(parse('')).toEqual({ path: '/', query: {} })
  expect(parse('#/?p=3-2')).toEqual({ path: '/', query: { p: '3-2' } })
  expect(parse('#/track/1?t=a%2Bb?c')).toEqual({ path: '/track/1', query: { t: 'a+b?c' } })
})

describe('the router', () => {
  const home = { name: 'Home' }
  const late = { name: 'Late' }
  const other = { name: 'Other' }
  let router: HashRouter
  let release: (() => void) | undefined
  let broken = false

  beforeEach(async () => {
    location.hash = ''
    router = hashRouter()
    await router.start([
      { pattern: '/', load: () => home },
      {
        pattern: '/late/:id',
        load: () => (broken ? Promise.reject(new Error('gone')) : new Promise((resolve) => (release = () => resolve(late)))),
      },
      { pattern: '*', load: () => other },
    ])
  })
  afterEach(() => {
    broken = false
  })
  const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve))

  it('shows the page of the address, with its values', async () => {
    expect(router.shown.value?.component).toBe(home)
    router.replace('/late/7?a=1')
    release?.()
    await settle()
    expect(router.shown.value).toMatchObject({ component: late, params: { id: '7' }, query: { a: '1' } })
  })

  it('keeps the old page until the next is there, and forgets one that was left meanwhile', async () => {
    router.replace('/late/7')
    await settle()
    expect(router.shown.value?.component).toBe(home)
    router.replace('/none')
    await settle()
    release?.()
    await settle()
    expect(router.shown.value?.component).toBe(other)
  })

  it('says when a page cannot be loaded, and can try again', async () => {
    broken = true
    router.replace('/late/7')
    await settle()
    expect(router.failed.value).toBeInstanceOf(Error)
    expect(router.shown.value?.component).toBe(home)
    broken = false
    void router.reload()
    release?.()
    await settle()
    expect(router.failed.value).toBeUndefined()
    expect(router.shown.value?.component).toBe(late)
  })

  it('gives the focus to the heading after a change, not on the first load', async () => {
    document.body.innerHTML = '<h1 tabindex="-1">x</h1>'
    expect(document.activeElement?.tagName).toBe('BODY')
    router.replace('/none')
    await settle()
    expect(document.activeElement?.tagName).toBe('H1')
  })
})
