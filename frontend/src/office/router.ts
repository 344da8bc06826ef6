import { nextTick } from 'vue'
import { createRouter, createWebHashHistory, type RouteRecordRaw } from 'vue-router'
import QueuePage from './queue/QueuePage.vue'
import { homePath } from './session'

const routes: RouteRecordRaw[] = [
  {
    path: '/',
    component: QueuePage,
    beforeEnter: (to) => (homePath() === '/' || Object.keys(to.query).length > 0 ? true : homePath()),
  },
  { path: '/order/:number', component: () => import('./order/OrderPage.vue'), props: true },
  { path: '/crew', component: () => import('./crew/CrewPage.vue') },
  { path: '/crew/:number', component: () => import('./crew/CrewOrder.vue'), props: true },
  { path: '/:rest(.*)', component: () => import('./NotFoundPage.vue') },
]

export const router = createRouter({
  history: createWebHashHistory(),
  routes,
  scrollBehavior: (to, from, saved) => (to.path === from.path ? false : (saved ?? { top: 0 })),
})

let first = true
router.afterEach(async (to, from, failure) => {
  if (failure !== undefined) return
  if (first) {
    first = false
    return
  }
  if (to.path === from.path) return
  await nextTick()
  document.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true })
})
