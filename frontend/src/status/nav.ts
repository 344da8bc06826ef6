import { hashRouter } from '@/lib/router'

/** Where the status page is. */
export const nav = hashRouter()
