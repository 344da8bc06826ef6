import type { components } from '@/api/schema'
import { call, get } from '../api'
import type { Facts, Need } from '../contract'

/** What the server says and takes of the complaint ledger and its papers. */
type Schemas = components['schemas']

export const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'

export type NextDue = Schemas['NextDue']
export type IssueRow = Schemas['IssueRow']
export type IssueRows = Schemas['IssueRows']
export type IssuePage = Schemas['IssuePage']
export type Gate = Schemas['GateRow']
export type Proposal = Schemas['IssueProposal']
export type Board = Schemas['IssueBoard']
export type BoardRow = Schemas['BoardRow']
export type NewIssue = Schemas['NewIssue']

export type PaperRow = Schemas['PaperRow']
export type PaperRows = Schemas['PaperRows']
export type PaperPage = Schemas['PaperPage']
export interface PaperKind { kind: string; label: string; intake: Need[]; opens: string[] }

const issues = (id: string): string => `/issues/${encodeURIComponent(id)}`
const papers = (id: string): string => `/papers/${encodeURIComponent(id)}`
const dated = (data: Facts, occurred_at: string | undefined): Facts => ({ ...data, ...(occurred_at === undefined ? {} : { occurred_at }) })

export const getIssues = (view: string, office: string, cursor?: string): Promise<IssueRows> => get('/issues', { view, office, cursor })
export const getBoard = (office: string): Promise<Board> => get('/issues/board', { office })
export const getIssue = (id: string): Promise<IssuePage> => get(issues(id))
export const postIssue = (body: NewIssue, key: string): Promise<IssuePage> => call('POST', '/issues', { body, key })
export const moveIssue = (issue: IssuePage, move: string, data: Facts, occurred_at: string | undefined, key: string): Promise<IssuePage> =>
  call('POST', `${issues(issue.issue_id)}/moves/${move}`, { body: dated(data, occurred_at), key, version: issue.version })

export const getPaperKinds = async (): Promise<PaperKind[]> => (await get<{ items: PaperKind[] }>('/meta/papers')).items
export const getPapers = (kind: string, state: string, cursor?: string): Promise<PaperRows> => get('/papers', { kind, state, cursor })
export const getPaper = (id: string): Promise<PaperPage> => get(papers(id))
export const postPaper = (body: Facts, key: string): Promise<PaperPage> => call('POST', '/papers', { body, key })
export const movePaper = (paper: PaperPage, move: string, data: Facts, occurred_at: string | undefined, key: string): Promise<PaperPage> =>
  call('POST', `${papers(paper.paper_id)}/moves/${move}`, { body: dated(data, occurred_at), key, version: paper.version })
