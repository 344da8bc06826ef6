export interface DayList {
  /** Day → the holiday that causes it. */
  days: Record<string, string>
  /** Lines that are no day, from 1. */
  bad: number[]
}

/**
 * Days as people paste them, one a line: `2027-01-01 元旦`, `2027/1/1`, `2027年1月1日`, or a span
 * `2027-02-05~2027-02-12 春节`. The name may stand on the first line of several.
 */
export function readDays(text: string): DayList {
  const days: Record<string, string> = {}
  const bad: number[] = []
  let name = ''
  text.split('\n').forEach((raw, index) => {
    const line = raw.trim()
    if (line === '') return
    const found = /^(\S+?)(?:\s*[~～至到]\s*(\d\S*?))?(?:\s+(.+))?$/.exec(line)
    const first = day(found?.[1] ?? '')
    const last = found?.[2] === undefined ? first : day(found[2])
    if (first === undefined || last === undefined || last < first || last - first > 31 * DAY) {
      bad.push(index + 1)
      return
    }
    name = found?.[3]?.trim() ?? name
    for (let at = first; at <= last; at += DAY) days[new Date(at).toISOString().slice(0, 10)] = name
  })
  return { days, bad }
}

const DAY = 86_400_000

function day(text: string): number | undefined {
  const parts = /^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?$/.exec(text)
  if (parts === null) return undefined
  const [year, month, date] = [Number(parts[1]), Number(parts[2]), Number(parts[3])]
  const at = new Date(Date.UTC(year, month - 1, date))
  return at.getUTCMonth() === month - 1 && at.getUTCDate() === date ? at.getTime() : undefined
}
