import type { Page } from '@/lib/router'
import HomePage from './HomePage.vue'

export const pages: readonly Page[] = [
  { pattern: '/', load: () => HomePage },
  { pattern: '/voice', load: async () => (await import('./VoicePage.vue')).default },
  { pattern: '/report/:flow/:step?', load: async () => (await import('./ReportPage.vue')).default },
  { pattern: '/done/waiting/:waiting', load: async () => (await import('./DonePage.vue')).default },
  { pattern: '/done/:number', load: async () => (await import('./DonePage.vue')).default },
  { pattern: '/track', load: async () => (await import('./TrackPage.vue')).default },
  { pattern: '/track/:number', load: async () => (await import('./OrderPage.vue')).default },
  { pattern: '/rate/:code', load: async () => (await import('./RatePage.vue')).default },
  { pattern: '/help', load: async () => (await import('./HelpPage.vue')).default },
  { pattern: '/privacy', load: async () => (await import('./PrivacyPage.vue')).default },
  { pattern: '/accessibility', load: async () => (await import('./AccessibilityPage.vue')).default },
  { pattern: '*', load: async () => (await import('./NotFoundPage.vue')).default },
]
