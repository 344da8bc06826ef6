import { shallowRef } from 'vue'
import { getOffices, getStaff } from './api'
import type { OfficeRow, StaffRow } from './contract'

/** The offices that the person may see; asked for once, they change rarely. */
export const offices = shallowRef<readonly OfficeRow[]>([])
let asked: Promise<void> | undefined

export function loadOffices(): Promise<void> {
  asked ??= (async () => {
    offices.value = (await getOffices()).items
  })()
  asked.catch(() => {
    asked = undefined
  })
  return asked
}

/** After an office was changed. */
export function forgetOffices(): Promise<void> {
  asked = undefined
  return loadOffices()
}

export const officeName = (id: string): string => offices.value.find((office) => office.id === id)?.name ?? id

/** Who works at an office, those with the fewest orders in hand first. */
export async function staffOf(office: string): Promise<StaffRow[]> {
  const { items } = await getStaff(office)
  return [...items].sort((a, b) => Number(b.duty ?? false) - Number(a.duty ?? false) || (a.open ?? 0) - (b.open ?? 0))
}
