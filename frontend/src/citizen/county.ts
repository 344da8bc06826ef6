import { computed, ref } from 'vue'
import { getConfig } from '@/api/citizen'
import type { PublicConfig } from '@/api/contract'

const STORED = 'lightkeeper.config'

function kept(): PublicConfig | undefined {
  try {
    return (JSON.parse(localStorage.getItem(STORED) ?? 'null') as PublicConfig | null) ?? undefined
  } catch {
    return undefined
  }
}

const config = ref(kept())

/** The county's names and numbers: from last time at once, then fresh. Pages work without them. */
export const county = computed(() => config.value)
/** Whom to call; 95598 is the whole country's number. */
export const hotline = computed(() => config.value?.hotline ?? '95598')

export async function loadCounty(): Promise<void> {
  try {
    config.value = await getConfig()
    localStorage.setItem(STORED, JSON.stringify(config.value))
  } catch {
    // No network or no storage: what we know from last time, or the country's number, stays in use.
  }
}
