import { expect, test } from 'vitest';
import { listReasons } from './reasons.ts';

test('lists reasons with one full stop at the end', () => {
  expect(listReasons(['berlin: no GPU', 'munich: The file is missing.', 'no answer from ulm'])).toBe(
    'berlin: no GPU; munich: The file is missing; no answer from ulm.',
  );
  expect(listReasons(['The file is missing.'])).toBe('The file is missing.');
});
