import { describe, expect, it } from 'vitest'
import { catalogue, fill, initialLang, lang, setLang } from '@/i18n'

const zh = { home: { title: '您好，{name}', only: '中文' } }
const texts = catalogue(zh, async () => ({ home: { title: 'Hello, {name}', only: 'Chinese' } }))

describe('texts', () => {
  it('speak Chinese until asked for English, and remember it', async () => {
    expect(texts.t('home.title', { name: '王' })).toBe('您好，王')
    await setLang('en')
    expect(lang.value).toBe('en')
    expect(texts.t('home.title', { name: 'Wang' })).toBe('Hello, Wang')
    expect(document.documentElement.lang).toBe('en')
    expect(localStorage.getItem('lightkeeper.lang')).toBe('en')
    await setLang('zh')
    expect(document.documentElement.lang).toBe('zh-CN')
  })

  it('start with ?lang=, then the choice kept on the device, else Chinese', () => {
    expect(initialLang('?lang=en', null)).toBe('en')
    expect(initialLang('?lang=zh', 'en')).toBe('zh')
    expect(initialLang('', 'en')).toBe('en')
    expect(initialLang('', null)).toBe('zh')
    expect(initialLang('?lang=fr', null)).toBe('zh')
  })

  it('take the word for one or for many', () => {
    const said = [0, 1, 2, '1', '少量'].map((n) => fill('{n} {n|order|orders}', { n }))
    expect(said).toEqual(['0 orders', '1 order', '2 orders', '1 order', '少量 orders'])
  })

  it('leave an unknown placeholder visible', () => {
    expect(fill('{a}和{b}', { a: 0 })).toBe('0和{b}')
  })

  it('tell whether a server’s code has a text', () => {
    expect(texts.maybe('home.only')).toBe('中文')
    expect(texts.maybe('home.none')).toBeUndefined()
    expect(texts.maybe('home')).toBeUndefined()
    expect(texts.maybe('home.only.toString')).toBeUndefined()
    expect(texts.maybe('constructor')).toBeUndefined()
  })
})
