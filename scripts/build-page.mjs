// Builds the page (page/) into dist/page. The old one stays in place until the new one is complete.
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

await build({
  configFile: fileURLToPath(new URL('../page/vite.config.ts', import.meta.url)),
  logLevel: 'warn',
});
