// Writes lib/aggregation/kernels-wasm.ts from a compiled lib/aggregation/kernels.wat, which says how to compile it.
// The module is part of the source, so that neither a build nor a bundler has to know of it.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const FOLDER = new URL('../lib/aggregation/', import.meta.url);
const LINE = 100;

const source = createHash('sha256')
  .update(readFileSync(new URL('kernels.wat', FOLDER)))
  .digest('hex');
const text = readFileSync(process.argv[2] ?? '/tmp/kernels.wasm').toString('base64');
const lines = text.match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [];
writeFileSync(
  new URL('kernels-wasm.ts', FOLDER),
  `// Made by scripts/kernels.mjs from kernels.wat.

/** SHA-256 of the source that this was compiled from. */
export const SOURCE_SHA256 = '${source}';

/** The WebAssembly module, base64. */
export const KERNELS_WASM = [
${lines.map((line) => `  '${line}',\n`).join('')}].join('');
`,
);
