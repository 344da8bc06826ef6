import { catalogue, loadTexts } from '@/i18n'
import { zh } from './zh'

/** Texts of the complaint ledger, which come with its pages. Labels of rules come from the server. */
export const { t, maybe } = catalogue(zh, async () => (await import('./en')).en)

void loadTexts().catch(() => undefined) // Chinese shows until the network brings the English
