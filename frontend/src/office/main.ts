import { createApp } from 'vue'
import '@/ui/base.css'
import './office.css'
import '@/i18n/common'
import { startLang } from '@/i18n'
import { keepOffline } from '@/lib/offline'
import App from './App.vue'
import { makeRouter } from './router'

void startLang().then(() => {
  // Routes ask who is there, so they open once somebody is.
  const app = createApp(App, { open: () => app.use(makeRouter()) })
  app.mount('#app')
})
keepOffline()
