import { createApp } from 'vue'
import '@/ui/base.css'
import { startLang } from '@/i18n'
import { keepOffline } from '@/lib/offline'
import App from './App.vue'
import { nav } from './nav'
import NewsPage from './NewsPage.vue'
import OutagesPage from './OutagesPage.vue'
import PlannedPage from './PlannedPage.vue'
import PromisesPage from './PromisesPage.vue'
import { keepFresh } from './status'

void startLang().then(() => {
  createApp(App).mount('#app')
  void nav.start([
    { pattern: '/planned', load: () => PlannedPage },
    { pattern: '/news', load: () => NewsPage },
    { pattern: '/promises', load: () => PromisesPage },
    { pattern: '*', load: () => OutagesPage },
  ])
  keepFresh()
})
keepOffline()
