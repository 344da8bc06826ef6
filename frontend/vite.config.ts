import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import vue from '@vitejs/plugin-vue'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

const root = import.meta.dirname

/** Pages whose files a phone keeps for the day without a network; the office caches what it uses. */
const OFFLINE_PAGES = ['index.html', 'status.html']

interface ManifestChunk {
  file: string
  css?: string[]
  assets?: string[]
  imports?: string[]
  dynamicImports?: string[]
}

/**
 * Write `sw.js` after the bundle is on disk.
 *
 * It must be `writeBundle`: empty CSS-only chunks are dropped late, and one missing file makes
 * `cache.addAll()` refuse the whole worker.
 */
function serviceWorker(): Plugin {
  return {
    name: 'lightkeeper-service-worker',
    apply: 'build',
    writeBundle(options) {
      const out = options.dir ?? resolve(root, 'dist')
      const manifest = JSON.parse(readFileSync(join(out, '.vite/public.json'), 'utf8')) as Record<
        string,
        ManifestChunk
      >
      const files = new Set<string>()
      const visited = new Set<string>()
      const visit = (key: string): void => {
        const chunk = manifest[key]
        if (chunk === undefined || visited.has(key)) return
        visited.add(key)
        for (const file of [chunk.file, ...(chunk.css ?? []), ...(chunk.assets ?? [])]) files.add(file)
        for (const next of [...(chunk.imports ?? []), ...(chunk.dynamicImports ?? [])]) visit(next)
      }
      OFFLINE_PAGES.forEach(visit)
      const onDisk = new Set(readdirSync(join(out, 'assets')).map((name) => `assets/${name}`))
      const list = ['./', './status.html', './icon.svg', ...[...files].filter((f) => onDisk.has(f)).map((f) => `./${f}`)]
      const hash = createHash('sha256')
      for (const file of ['index.html', 'status.html', ...files]) {
        if (file.endsWith('.html') || onDisk.has(file)) hash.update(readFileSync(join(out, file)))
      }
      const source = readFileSync(resolve(root, 'src/sw.js'), 'utf8')
        .replace('__VERSION__', hash.digest('hex').slice(0, 12))
        .replace('__FILES__', JSON.stringify(list))
      writeFileSync(join(out, 'sw.js'), source)
    },
  }
}

/**
 * Two builds into one folder: `vite build` makes the citizens' and the status page, `vite build --mode office` adds the
 * office. Built together, citizens would load the parts of Vue that only the office uses.
 */
export default defineConfig(({ mode }) => ({
  base: './',
  plugins: mode === 'office' ? [vue()] : [vue(), serviceWorker()],
  resolve: { alias: { '@': resolve(root, 'src') } },
  define: { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false' },
  build: {
    target: ['chrome87', 'safari14'],
    outDir: 'dist',
    manifest: mode === 'office' ? '.vite/office.json' : '.vite/public.json',
    emptyOutDir: mode !== 'office',
    modulePreload: { polyfill: false }, // browsers without it load a moment later
    sourcemap: false,
    assetsInlineLimit: 0,
    rollupOptions: {
      input: Object.fromEntries(
        (mode === 'office' ? ['office'] : ['index', 'status']).map((page) => [page, resolve(root, `${page}.html`)]),
      ),
    },
  },
  server: {
    proxy: Object.fromEntries(
      ['/api', '/status.json'].map((path) => [path, `http://127.0.0.1:${process.env['PORT'] ?? '8000'}`]),
    ),
  },
  test: {
    environment: 'happy-dom',
    include: ['tests/unit/**/*.test.ts'],
    restoreMocks: true,
  },
}))
