/** `npm run docs`: writes the generated regions of the documents, the generated JSON files, and the drawn pictures. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { JSON_FILES, REGIONS } from './documents/documents.ts';
import { replaceRegion } from './documents/regions.ts';
import { PICTURE_FILES } from './pictures/pictures.ts';

process.chdir(new URL('..', import.meta.url).pathname);
for (const [file, schema] of Object.entries(JSON_FILES)) {
  writeFileSync(file, `${JSON.stringify(schema(), null, 2)}\n`);
}
for (const { file, name, content } of REGIONS) {
  writeFileSync(file, replaceRegion(readFileSync(file, 'utf8'), name, await content()));
}
for (const [file, picture] of Object.entries(PICTURE_FILES)) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, picture());
}
