import { ref } from 'vue'

const KEY = 'lk-area'

function kept(): string {
  try {
    return localStorage.getItem(KEY) ?? ''
  } catch {
    return '' // a browser that keeps nothing: the page works without
  }
}

/** The place whose outages come first, in the words of whoever looks. It stays on this device. */
export const area = ref(kept())

export function setArea(to: string): void {
  area.value = to.trim()
  try {
    if (area.value === '') localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, area.value)
  } catch {
    // as above: until the page is closed it is kept all the same
  }
}
