#!/usr/bin/env node
// Bundles what runs elsewhere, into dist/ or the folder given: each function as a folder of its own for Lambda, and the
// GPU task for its container. Fails where a function has become larger than a cold start should have to load.
import { rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = resolve(process.argv[2] ?? join(root, 'dist'));
const FUNCTIONS = ['intake', 'dispatch', 'job-failed', 'orchestrate', 'aggregate', 'sweep'];
const MAX_FUNCTION_BYTES = 1_000_000;

// Packages that are CommonJS inside call require, which an ES module does not have.
const REQUIRE =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

// `z` of zod holds its messages in every language, whoever imports it; ours are in English.
const englishZod = {
  name: 'english-zod',
  setup: ({ onLoad }) =>
    onLoad({ filter: /zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    })),
};
// A function's credentials are in its environment. Only where there are none the SDK loads these, which Lambda has too.
const OTHER_CREDENTIALS = ['sso', 'ini', 'login', 'process', 'web-identity'].map(
  (of) => `@aws-sdk/credential-provider-${of}`,
);

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  // Lambda runs Node 24, and whoever tests the bundles what package.json allows.
  target: 'node20',
  format: 'esm',
  outExtension: { '.js': '.mjs' },
  sourcemap: true,
  // Names are kept: stacks and the tracer show them.
  minify: true,
  keepNames: true,
  // What packages offer as ES modules can be left out in part.
  mainFields: ['module', 'main'],
  plugins: [englishZod],
  banner: { js: REQUIRE },
  metafile: true,
  logLevel: 'warning',
};

rmSync(join(out, 'handlers'), { recursive: true, force: true });
rmSync(join(out, 'gpu-tasks'), { recursive: true, force: true });
const bundle = (entry, outfile, options = {}) =>
  build({ ...common, entryPoints: [entry], outfile: join(out, outfile), ...options });
const [functions, task] = await Promise.all([
  Promise.all(
    FUNCTIONS.map((name) =>
      bundle(`handlers/${name}.lambda.ts`, `handlers/${name}/index.mjs`, { external: OTHER_CREDENTIALS }),
    ),
  ),
  // The tensor packages bring native and WebAssembly files, which the container installs beside the bundle.
  bundle('gpu-tasks/main.ts', 'gpu-tasks/main.mjs', { external: ['@tensorflow/*'] }),
]);

for (const { metafile } of [...functions, task]) {
  for (const [file, { bytes, entryPoint }] of Object.entries(metafile.outputs)) {
    if (!entryPoint) continue;
    console.log(`${relative(root, resolve(root, file))}  ${Math.ceil(bytes / 1000)} kB`);
    if (entryPoint.startsWith('handlers/') && bytes > MAX_FUNCTION_BYTES) {
      console.error(`${file} has ${bytes} bytes, more than ${MAX_FUNCTION_BYTES}: see what it imports.`);
      process.exitCode = 1;
    }
  }
}
