import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FUNCTION_NAMES } from '../../lib/federation/functions.ts';

test('every declared function has its entry point, and every entry point is declared', () => {
  const entries = readdirSync(new URL('..', import.meta.url)).filter((file) => file.endsWith('.lambda.ts'));

  expect(entries.sort()).toEqual(FUNCTION_NAMES.map((name) => `${name}.lambda.ts`).sort());
});
