import type { components } from '@/api/schema'
import { call, get } from '../api'

/** What the server says and takes of plans, voices and news. */
type Schemas = components['schemas']

export type PlannedRow = Schemas['OutageRow']
export type PlanIn = Schemas['PlanIn']
export type PlanChecked = Schemas['PlanChecked']
export type PlanPage = Schemas['PlanPage']
export type Conflict = Schemas['ConflictRow']
export type AnnouncementIn = Schemas['AnnouncementIn']
export type FiveVoices = Schemas['FiveVoices']
export type SparedDay = Schemas['SparedDayRow']
type SparedDays = Schemas['SparedDays']
export type NewsIn = Schemas['NewsIn']
export type NewsRow = Schemas['NewsRow']

const of = (id: string): string => `/outages/${encodeURIComponent(id)}`

/** The planned outages of some days, both included: `2026-12-01`. */
export const getCalendar = async (from: string, to: string): Promise<PlannedRow[]> =>
  (await get<Schemas['PlannedCalendar']>('/outages/calendar', { from, to })).items

export const checkPlan = (plan: PlanIn): Promise<PlanChecked> => call('POST', '/outages/check', { body: plan })
export const getPlan = (id: string): Promise<PlanPage> => get(`${of(id)}/plan`)
export const getVoices = (id: string, lang: string): Promise<FiveVoices> => get(`${of(id)}/voices`, { lang })
export const postAnnouncement = (id: string, body: AnnouncementIn, key: string): Promise<unknown> =>
  call('POST', `${of(id)}/announcements`, { body, key })

export const getSpared = (): Promise<SparedDays> => get('/outages/spared-days')
export const putSpared = (county: string, items: readonly SparedDay[]): Promise<SparedDays> =>
  call('PUT', `/outages/spared-days?county=${encodeURIComponent(county)}`, { body: { items } })

export const getNews = async (): Promise<NewsRow[]> => (await get<Schemas['NewsRows']>('/news')).items
export const postNews = (body: NewsIn, key: string): Promise<NewsRow> => call('POST', '/news', { body, key })
export const putNews = (id: string, body: NewsIn, key: string): Promise<NewsRow> => call('PUT', `/news/${id}`, { body, key })
export const deleteNews = (id: string): Promise<unknown> => call('DELETE', `/news/${id}`)
