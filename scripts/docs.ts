/** `npm run docs`: writes the generated regions of the documents, and the generated JSON files. */
import { readFileSync, writeFileSync } from 'node:fs';
import { JSON_FILES, REGIONS } from './documents/documents.ts';
import { replaceRegion } from './documents/regions.ts';

process.chdir(new URL('..', import.meta.url).pathname);
for (const [file, schema] of Object.entries(JSON_FILES)) {
  writeFileSync(file, `${JSON.stringify(schema(), null, 2)}\n`);
}
for (const { file, name, content } of REGIONS) {
  writeFileSync(file, replaceRegion(readFileSync(file, 'utf8'), name, await content()));
}
