import { defineConfig } from 'vite';

// In development the page comes from Vite and everything else from a server on its default port.
const server = 'http://localhost:8000';

export default defineConfig({
  build: {
    target: 'es2022',
    // The server sends `default-src 'self'`: nothing may be inlined as a data: address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // The licence texts of the libraries in the bundle travel with it.
    license: { fileName: 'licenses.txt' },
  },
  server: {
    proxy: {
      '/api': server,
      '/connection': { target: server, ws: true },
    },
  },
});
