import { expect, test } from 'vitest';
import type { FederationKey } from '../federation/keys.ts';
import { validationText } from './validation-text.ts';

const global = { key: 'models/c/s/0001/d.safetensors' as FederationKey, sha256: 'a'.repeat(64), bytes: 1 };
const best = { round: 1, loss: 0.29, global };
const scored = (round: number, loss: number) => ({ round, loss, cases: 4, sites: 2 });

test('says what validation found, and that the stage stopped early', () => {
  const first = { round: 2, validation: { scored: scored(1, 0.29), best, stale: 0, stops: false } };
  const second = { round: 3, validation: { scored: scored(2, 0.31), best, stale: 1, stops: true } };

  expect(validationText([{ round: 1 }, first])).toBe('validation loss 0.290 in round 1, lowest 0.290 in round 1');
  expect(validationText([{ round: 1 }, first, second])).toBe(
    'validation loss 0.310 in round 2, lowest 0.290 in round 1; stopped early',
  );
});

test('says nothing of a stage that does not validate, or whose models nobody has scored', () => {
  expect(validationText([{ round: 1 }, { round: 2 }])).toBeUndefined();
  expect(
    validationText([{ round: 2, validation: { scored: null, best: null, stale: 0, stops: false } }]),
  ).toBeUndefined();
});
