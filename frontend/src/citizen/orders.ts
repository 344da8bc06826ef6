import type { PublicOrder } from '@/api/contract'

/** Orders seen on this visit, so that a page has something to show at once. */
export const orders = new Map<string, PublicOrder>()
