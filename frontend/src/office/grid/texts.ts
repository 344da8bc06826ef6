import { catalogue, loadTexts } from '@/i18n'
import { zh } from './zh'

/** Texts of the grid, which come with their pages. Labels of codes come from the server. */
export const { t, maybe } = catalogue(zh, async () => (await import('./en')).en)

void loadTexts().catch(() => undefined) // Chinese shows until the network brings the English
