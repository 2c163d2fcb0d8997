import { existsSync } from 'node:fs';

import { defineConfig } from 'vite';

import { excerpts } from './build/excerpts.ts';
import { takeHome } from './build/take-home.ts';

// In development the pages come from Vite and everything else from a server on its default port.
const server = process.env.WAVECAST ?? 'http://localhost:8000';

const demos = ['chat', 'monitoring', 'game', 'notifications', 'push-or-poll'];
// Whoever takes a demo home has that one alone.
const isHere = (page: string) => existsSync(new URL(page, import.meta.url));
const pages = ['index.html', 'demo/index.html', ...demos.map((name) => `demo/${name}/index.html`)];

export default defineConfig({
  plugins: [excerpts(), takeHome()],
  define: { DEMOS_HERE: JSON.stringify(demos.filter((name) => isHere(`demo/${name}/index.html`))) },
  build: {
    target: 'es2022',
    // The server sends `default-src 'self'`: nothing may be inlined as a data: address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // The licence texts of the libraries in the bundle travel with it.
    license: { fileName: 'licenses.txt' },
    rolldownOptions: {
      input: pages.filter(isHere),
    },
  },
  server: {
    proxy: {
      '/api': server,
      '/connection': { target: server, ws: true },
    },
  },
});
