import { ref } from 'vue'

/** The place of this phone: from a QR code or the last report. */
export interface KeptPlace {
  code: string
  name: string
}

const STORED = 'lightkeeper.place'

function load(): KeptPlace | null {
  try {
    return JSON.parse(localStorage.getItem(STORED) ?? 'null') as KeptPlace | null
  } catch {
    return null
  }
}

export const myPlace = ref<KeptPlace | null>(load())

export function keepPlace(place: KeptPlace | null): void {
  myPlace.value = place
  try {
    if (place === null) localStorage.removeItem(STORED)
    else localStorage.setItem(STORED, JSON.stringify(place))
  } catch {
    // Kept for this visit only.
  }
}
