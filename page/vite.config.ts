import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/** `npm run build:page`. Paths are relative, because `up` serves the page below a prefix. */
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  publicDir: false,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: fileURLToPath(new URL('../dist/page', import.meta.url)),
    emptyOutDir: true,
    // The policy of the page allows no data: addresses.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        // The viewer of volumes, which is loaded with the first CT, can be told from the page by its name.
        chunkFileNames: ({ moduleIds, name }) =>
          `assets/${moduleIds.some((id) => /@niivue|numcodecs/.test(id)) ? 'niivue' : name}-[hash].js`,
      },
    },
  },
});
