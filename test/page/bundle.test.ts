import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { builtPage } from '../../cli/page/built.ts';

/** Bytes, of everything but the viewer of volumes. */
const LIMIT = 150_000;

test('the page is small, whatever its screens', async () => {
  const folder = await builtPage(() => undefined);

  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => /\.(?:js|css|html)$/.test(name) && !/niivue/.test(name),
  );
  const bytes = files.reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name))).length, 0);

  expect(files.length).toBeGreaterThan(2);
  expect(bytes).toBeLessThan(LIMIT);
});

test('the page loads nothing from elsewhere', async () => {
  const folder = await builtPage(() => undefined);

  const index = readFileSync(join(folder, 'index.html'), 'utf8');

  const sources = [...index.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source);
  expect(sources.length).toBeGreaterThan(2);
  for (const source of sources) expect(source).toMatch(/^\.\//);
});
