import { createApp } from 'vue'
import '@/ui/base.css'
import { startLang } from '@/i18n'
import { keepOffline } from '@/lib/offline'
import App from './App.vue'
import { box } from './box'
import { loadCounty } from './county'
import { nav } from './nav'
import { pages } from './pages'

void startLang().then(() => {
  createApp(App).mount('#app')
  void nav.start(pages)
  void loadCounty()
  box.start()
})
keepOffline()
