#!/usr/bin/env node
// Bundles what runs elsewhere, into dist/: every handler as one file for Lambda, and the GPU task for its container.
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const HANDLERS = ['intake', 'dispatch', 'orchestrate', 'aggregate', 'sweep'];

// Packages that are CommonJS inside call require, which an ES module does not have.
const REQUIRE =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  outExtension: { '.js': '.mjs' },
  sourcemap: true,
  minifySyntax: true,
  banner: { js: REQUIRE },
  metafile: true,
  logLevel: 'warning',
};

rmSync(new URL('../dist', import.meta.url), { recursive: true, force: true });
const results = await Promise.all([
  build({ ...common, entryPoints: HANDLERS.map((name) => `handlers/${name}.ts`), outdir: 'dist/handlers' }),
  // The tensor packages bring native and WebAssembly files, which the container installs beside the bundle.
  build({ ...common, entryPoints: ['gpu-tasks/main.ts'], outdir: 'dist/gpu-tasks', external: ['@tensorflow/*'] }),
]);

for (const { metafile } of results) {
  for (const [file, { bytes }] of Object.entries(metafile.outputs)) {
    if (!file.endsWith('.map')) console.log(`${file}  ${(bytes / 1024).toFixed(0)} kB`);
  }
}
