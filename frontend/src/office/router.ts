import { nextTick } from 'vue'
import { createRouter, createWebHashHistory, type RouteRecordRaw, type Router } from 'vue-router'
import QueuePage from './queue/QueuePage.vue'
import { homePath } from './session'

const routes: RouteRecordRaw[] = [
  {
    path: '/',
    component: QueuePage,
    beforeEnter: (to) => (homePath() === '/' || Object.keys(to.query).length > 0 ? true : homePath()),
  },
  { path: '/order/:number', component: () => import('./order/OrderPage.vue'), props: true },
  { path: '/outages', component: () => import('./outages/BoardPage.vue') },
  { path: '/outages/:id', component: () => import('./outages/OutagePage.vue'), props: true },
  { path: '/grid', component: () => import('./grid/GridPage.vue') },
  { path: '/grid/feeder', component: () => import('./grid/FeederPage.vue') },
  { path: '/planned', component: () => import('./planned/CalendarPage.vue') },
  { path: '/planned/new', component: () => import('./planned/EditPage.vue') },
  { path: '/planned/:id', component: () => import('./planned/PlanPage.vue'), props: true },
  { path: '/issues', component: () => import('./ledger/IssuesPage.vue') },
  { path: '/issues/board', component: () => import('./ledger/BoardPage.vue') },
  { path: '/issues/:id', component: () => import('./ledger/IssuePage.vue'), props: true },
  { path: '/papers', component: () => import('./ledger/PapersPage.vue') },
  { path: '/papers/:id', component: () => import('./ledger/PaperPage.vue'), props: true },
  { path: '/news', component: () => import('./planned/NewsPage.vue') },
  { path: '/resources', component: () => import('./resources/ResourcesPage.vue') },
  { path: '/resources/loans/:id', component: () => import('./resources/LoanPage.vue'), props: true },
  { path: '/assurance', component: () => import('./resources/AssurancePage.vue') },
  { path: '/assurance/:id', component: () => import('./resources/TaskPage.vue'), props: true },
  { path: '/intake', component: () => import('./IntakePage.vue') },
  { path: '/crew', component: () => import('./crew/CrewPage.vue') },
  { path: '/crew/:number', component: () => import('./crew/CrewOrder.vue'), props: true },
  { path: '/visits', component: () => import('./VisitsPage.vue') },
  { path: '/calls', component: () => import('./CallsPage.vue') },
  { path: '/search', component: () => import('./SearchPage.vue') },
  { path: '/export', component: () => import('./ExportPage.vue') },
  { path: '/indices', component: () => import('./indices/IndicesPage.vue') },
  { path: '/indices/frequent', component: () => import('./indices/FrequentPage.vue') },
  { path: '/phone', component: () => import('./PhonePage.vue') },
  { path: '/print/slips', component: () => import('./SlipsPage.vue') },
  { path: '/admin', redirect: '/admin/offices' },
  {
    path: '/admin',
    component: () => import('./admin/AdminPage.vue'),
    children: [
      { path: 'offices', component: () => import('./admin/OfficesPage.vue') },
      { path: 'staff', component: () => import('./admin/StaffPage.vue') },
      { path: 'duty', component: () => import('./admin/DutyPage.vue') },
      { path: 'keys', component: () => import('./admin/KeysPage.vue') },
      { path: 'webhooks', component: () => import('./admin/WebhooksPage.vue') },
      { path: 'limits', component: () => import('./admin/LimitsPage.vue') },
      { path: 'calendars', component: () => import('./admin/CalendarsPage.vue') },
      { path: 'imports', component: () => import('./admin/ImportsPage.vue') },
      { path: 'network', component: () => import('./admin/SurveyPage.vue') },
      { path: 'ledger', component: () => import('./admin/LedgerPage.vue') },
    ],
  },
  { path: '/:rest(.*)', component: () => import('./NotFoundPage.vue') },
]

/**
 * Make the router: once somebody is signed in, because it reads the address when it is made, and the
 * sign-in comes back with an address of its own.
 */
export function makeRouter(): Router {
  const router = createRouter({
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
    // A page that begins with a field has put the focus there itself.
    const main = document.querySelector('main')
    if (main !== document.activeElement && main?.contains(document.activeElement)) return
    document.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true })
  })
  return router
}
