// Builds the page into dist/web: one HTML file, one style sheet, one classic script, so that it also works from a file.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/** Browsers load no module from a file: the bundle is a classic script that waits for the document. */
const classicScript = {
  name: 'classic-script',
  transformIndexHtml: {
    order: 'post',
    handler: (html) =>
      html.replace(/<script type="module" crossorigin/, '<script defer').replaceAll(' crossorigin', ''),
  },
};

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  plugins: [classicScript],
  worker: { format: 'iife' },
  build: {
    outDir: fileURLToPath(new URL('../dist/web', import.meta.url)),
    emptyOutDir: true,
    target: 'es2023',
    modulePreload: false,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    // One script, kB before compression: what a reader loads is judged by a test (test/web), as gzip.
    chunkSizeWarningLimit: 1000,
  },
});
