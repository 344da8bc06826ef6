// Fail when a page outgrows its budget: gzip -9 of every script and style it needs, in kB (1000 bytes).
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const dist = join(import.meta.dirname, '../dist')
const manifest = Object.assign(
  {},
  ...['public', 'office'].map((name) => JSON.parse(readFileSync(join(dist, `.vite/${name}.json`), 'utf8'))),
)
const gz = (file) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length

/** Files that `entries` load at once; with `lazy`, also those they may load later. */
function files(entries, lazy) {
  const found = new Set()
  const seen = new Set()
  const visit = (key) => {
    const chunk = manifest[key]
    if (!chunk || seen.has(key)) return
    seen.add(key)
    found.add(chunk.file)
    for (const css of chunk.css ?? []) found.add(css)
    for (const next of [...(chunk.imports ?? []), ...(lazy ? (chunk.dynamicImports ?? []) : [])]) visit(next)
  }
  entries.forEach(visit)
  return found
}

const budgets = [
  { name: 'citizen, first view', html: 'index.html', entries: ['index.html'], lazy: false, kB: 60 },
  { name: 'citizen, with a report', html: 'index.html', entries: ['index.html', 'src/citizen/ReportPage.vue'], lazy: false, kB: 70 },
  { name: 'status, first view', html: 'status.html', entries: ['status.html'], lazy: false, kB: 50 },
  { name: 'office, first view', html: 'office.html', entries: ['office.html'], lazy: false, kB: 220 },
]

let over = 0
for (const { name, html, entries, lazy, kB } of budgets) {
  const total = gz(html) + [...files(entries, lazy)].reduce((sum, file) => sum + gz(file), 0)
  const fits = total <= kB * 1000
  if (!fits) over += 1
  console.log(`${fits ? 'ok  ' : 'OVER'} ${(total / 1000).toFixed(1).padStart(6)} kB of ${String(kB).padStart(3)}  ${name}`)
}
process.exit(over === 0 ? 0 : 1)
