import type { Component } from 'vue'
import { loadTexts } from '@/i18n'
import type { Page } from '@/lib/router'
import HomePage from './HomePage.vue'

/** A page loaded when it is first asked for, with its texts. */
function late(load: () => Promise<{ default: Component }>): () => Promise<Component> {
  return async () => {
    const page = await load()
    await loadTexts()
    return page.default
  }
}

export const pages: readonly Page[] = [
  { pattern: '/', load: () => HomePage },
  { pattern: '/voice', load: late(() => import('./VoicePage.vue')) },
  { pattern: '/report/:flow/:step?', load: late(() => import('./ReportPage.vue')) },
  { pattern: '/done/waiting/:waiting', load: late(() => import('./DonePage.vue')) },
  { pattern: '/done/:number', load: late(() => import('./DonePage.vue')) },
  { pattern: '/track', load: late(() => import('./TrackPage.vue')) },
  { pattern: '/track/:number', load: late(() => import('./OrderPage.vue')) },
  { pattern: '/rate/:code', load: late(() => import('./RatePage.vue')) },
  { pattern: '/help', load: late(() => import('./HelpPage.vue')) },
  { pattern: '/privacy', load: late(() => import('./PrivacyPage.vue')) },
  { pattern: '/accessibility', load: late(() => import('./AccessibilityPage.vue')) },
  { pattern: '*', load: late(() => import('./NotFoundPage.vue')) },
]
