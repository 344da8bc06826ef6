import { catalogue } from '.'
import { zh } from './zh'

/** Texts of the shared components. */
export const common = catalogue(zh, async () => (await import('./en')).en)
