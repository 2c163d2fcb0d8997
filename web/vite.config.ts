import { defineConfig } from 'vite';

import { excerpts } from './build/excerpts.ts';

// In development the pages come from Vite and everything else from a server on its default port.
const server = 'http://localhost:8000';

const demos = ['chat', 'monitoring', 'game', 'notifications'];

export default defineConfig({
  plugins: [excerpts()],
  build: {
    target: 'es2022',
    // The server sends `default-src 'self'`: nothing may be inlined as a data: address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // The licence texts of the libraries in the bundle travel with it.
    license: { fileName: 'licenses.txt' },
    rolldownOptions: {
      input: ['index.html', 'demo/index.html', ...demos.map((name) => `demo/${name}/index.html`)],
    },
  },
  server: {
    proxy: {
      '/api': server,
      '/connection': { target: server, ws: true },
    },
  },
});
