import { expect, test } from 'vitest';
import { madeBy } from './made-by.ts';

test('names a commit once, however long git has made its name', () => {
  const results = [
    { commit: '750ea10', seed: 1, backend: 'native' },
    { commit: '750ea103', seed: 2, backend: 'native' },
    { commit: '1234567-dirty', seed: 3, backend: 'native' },
    { commit: 'unknown', seed: 4, backend: 'native' },
  ];

  expect(madeBy('npm run x', results)).toBe(
    'Made by `npm run x` at commit 750ea10, 1234567-dirty, unknown, seeds 1, 2, 3, 4, on native.',
  );
});
