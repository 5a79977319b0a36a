import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { JSON_FILES, REGIONS } from '../scripts/documents/documents.ts';
import { regionNames, replaceRegion } from '../scripts/documents/regions.ts';

const HINT = 'The document is stale: run `npm run docs`.';
const read = (file: string) => readFileSync(file, 'utf8');

describe('generated documents', () => {
  test('have a generator for every region, and every generator has its region', () => {
    const files = ['.', 'docs'].flatMap((folder) =>
      readdirSync(folder, { recursive: folder === 'docs', encoding: 'utf8' })
        .filter((file) => file.endsWith('.md'))
        .map((file) => (folder === '.' ? file : `${folder}/${file}`)),
    );
    const found = files.flatMap((file) => regionNames(read(file)).map((name) => `${file}: ${name}`));

    expect(found.sort()).toEqual(REGIONS.map(({ file, name }) => `${file}: ${name}`).sort());
  });

  test.each(REGIONS.filter(({ testedBy }) => testedBy === undefined))(
    'are up to date: $name in $file',
    async ({ file, name, content }) => {
      const document = read(file);

      expect(document, HINT).toBe(replaceRegion(document, name, await content()));
    },
  );

  test.each(Object.entries(JSON_FILES))('are up to date: %s', (file, schema) => {
    expect(JSON.parse(read(file)), HINT).toEqual(schema());
  });
});

describe('replaceRegion', () => {
  test('replaces what is between begin and end, and nothing else', () => {
    const document =
      'a\n<!-- generated: x -->\nold\n<!-- /generated -->\nb\n<!-- generated: y -->\n<!-- /generated -->\n';

    expect(replaceRegion(document, 'x', 'new')).toBe(
      'a\n<!-- generated: x -->\n\nnew\n\n<!-- /generated -->\nb\n<!-- generated: y -->\n<!-- /generated -->\n',
    );
  });

  test('refuses a document without the region', () => {
    expect(() => replaceRegion('<!-- generated: x -->', 'x', '')).toThrow(/no region/);
    expect(() => replaceRegion('', 'x', '')).toThrow(/no region/);
  });
});
