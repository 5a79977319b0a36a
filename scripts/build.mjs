#!/usr/bin/env node
// Bundles each Lambda function and the GPU task into dist/, or into the folder that is given as the argument.
// Fails when a function is larger than a cold start should load.
import { readFileSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { tsImport } from 'tsx/esm/api';
import { englishZod } from './english-zod.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = resolve(process.argv[2] ?? join(root, 'dist'));
const { FUNCTION_NAMES } = await tsImport('../lib/federation/functions.ts', import.meta.url);
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const MAX_FUNCTION_BYTES = 1_100_000;

// CommonJS packages call require, which an ES module does not have.
const REQUIRE =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

// Descriptions of fields are for the reference and the JSON Schemas, which no function writes. Line numbers stay.
const DESCRIPTION = /\.describe\(\s*(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`$]*`),?\s*\)/g;
const withoutDescriptions = {
  name: 'without-descriptions',
  setup: ({ onLoad }) =>
    onLoad({ filter: /lib[\\/]federation[\\/](?:schemas|stages)[\\/][\w-]+\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(DESCRIPTION, (text) => text.replace(/[^\n]/g, '')),
      loader: 'ts',
    })),
};
// A function's credentials are in its environment. The SDK loads these packages only without them, and Lambda has them.
const OTHER_CREDENTIALS = ['sso', 'ini', 'login', 'process', 'web-identity'].map(
  (of) => `@aws-sdk/credential-provider-${of}`,
);

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  // Lambda runs Node 24; tests run the bundles on the oldest Node that package.json allows.
  target: 'node20',
  format: 'esm',
  outExtension: { '.js': '.mjs' },
  sourcemap: true,
  // Stack traces and the tracer show names.
  minify: true,
  keepNames: true,
  // Unused parts of ES modules can be left out.
  mainFields: ['module', 'main'],
  plugins: [englishZod, withoutDescriptions],
  banner: { js: REQUIRE },
  define: { FEDCARDIO_VERSION: JSON.stringify(version) },
  metafile: true,
  logLevel: 'warning',
};

rmSync(join(out, 'handlers'), { recursive: true, force: true });
rmSync(join(out, 'gpu-tasks'), { recursive: true, force: true });
const bundle = (entry, outfile, options = {}) =>
  build({ ...common, entryPoints: [entry], outfile: join(out, outfile), ...options });
const [functions, task] = await Promise.all([
  Promise.all(
    FUNCTION_NAMES.map((name) =>
      bundle(`handlers/${name}.lambda.ts`, `handlers/${name}/index.mjs`, { external: OTHER_CREDENTIALS }),
    ),
  ),
  // The tensor packages contain native and WebAssembly files, which the container installs next to the bundle.
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
