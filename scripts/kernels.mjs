// Writes lib/aggregation/kernels-wasm.ts from the compiled lib/aggregation/kernels.wat, which contains the command to
// compile it. The module is committed as source, so that builds and bundlers need no step for it.
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
