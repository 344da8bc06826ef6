import { computed } from 'vue'
import { hashRouter, type Route } from '@/lib/router'

/** Where the citizens' page is, and how to go elsewhere. */
export const nav = hashRouter()

const NOWHERE: Route = { path: '', params: {}, query: {} }
export const route = computed<Route>(() => nav.shown.value ?? NOWHERE)
