import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { MOST_SENT, packed, tableOf, together } from '@/office/grid/survey'
import { chosenOf } from '@/office/grid/switching'

describe('the tables of a network', () => {
  it('are sent compressed, and are the same when they arrive', async () => {
    const text = 'device_id,kind\n'.repeat(10_000)
    const sent = await packed(new Blob([text]))
    expect(sent.length).toBeLessThan(text.length / 50)
    expect(gunzipSync(Buffer.from(sent, 'base64')).toString()).toBe(text)
    expect(MOST_SENT).toBeLessThan(6_000_000)
  })

  it('are not compressed twice', async () => {
    const once = gzipSync('device_id\n')
    expect(await packed(new Blob([once]))).toBe(once.toString('base64'))
  })

  it('are known by their names, whichever field they were chosen in', () => {
    expect(tableOf('customers.csv')).toBe('customers')
    expect(tableOf('Devices-2026.csv.gz')).toBe('devices')
    expect(tableOf('台账.csv')).toBeUndefined()
  })

  it('are counted together over the calls that wrote them', () => {
    const one = { maps: 1, places: 2, households: 3, unchanged: 4, steps: 9, next: 5 }
    expect(together([one, { ...one, next: null }])).toEqual({ maps: 2, places: 4, households: 6, unchanged: 8 })
  })
})

describe('switching', () => {
  it('opens what is closed and closes what is open', () => {
    const devices = [{ id: 'SW1', closed: true }, { id: 'TIE', closed: false }, { id: 'SW2', closed: true }]
    expect(chosenOf(devices, new Set(['SW1', 'TIE']))).toEqual({ opened: ['SW1'], closed: ['TIE'] })
    expect(chosenOf(devices, new Set())).toEqual({ opened: [], closed: [] })
  })
})
