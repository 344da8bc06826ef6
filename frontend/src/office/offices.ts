import { reactive, shallowRef } from 'vue'
import { getOffices, getStaff } from './api'
import type { Colleague, OfficeRow } from './contract'

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

/** Names of colleagues as they were met in answers: the ledger names people by their ids only. */
const names = reactive(new Map<string, string>())

export function learnName(id: string, name: string): void {
  if (id !== '' && name !== '') names.set(id, name)
}

export const staffName = (id: string): string => names.get(id) ?? id

/** Who works at an office: those on duty first, then those with the fewest orders in hand. */
export async function staffOf(office: string): Promise<Colleague[]> {
  const { items } = await getStaff(office)
  for (const { id, name } of items) learnName(id, name)
  return items
    .filter(({ active }) => active)
    .sort((a, b) => Number(b.duty) - Number(a.duty) || a.open_orders - b.open_orders)
}
