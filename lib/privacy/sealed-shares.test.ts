import { describe, expect, test } from 'vitest';
import { areSealedFor, seal, unseal } from './sealed-shares.ts';

const KEY = new Uint8Array(32).fill(7);
const BYTES = Uint8Array.from({ length: 40 }, (_, i) => i);

describe('a sealed share', () => {
  test('is opened with its key', () => {
    expect(unseal(seal(BYTES, KEY), KEY, 40)).toEqual(Buffer.from(BYTES));
  });

  const changed = Buffer.from(seal(BYTES, KEY), 'base64');
  changed[3] = (changed[3] as number) ^ 1;
  test.each<[string, string, Uint8Array, number]>([
    ['of another key', seal(BYTES, KEY), new Uint8Array(32), 40],
    ['that was changed', changed.toString('base64'), KEY, 40],
    ['of another length', seal(BYTES, KEY), KEY, 39],
  ])('%s is refused', (_, sealed, key, length) => {
    expect(() => unseal(sealed, key, length)).toThrow(/^Secure aggregation: /);
  });
});

describe('shares are complete', () => {
  const text = seal(BYTES, KEY);
  const both = { berlin: text, bonn: text };

  test.each<[string, Readonly<Record<string, string>>, boolean]>([
    ['with one for each site', both, true],
    ['not if one is missing', { berlin: text }, false],
    ['not with one more', { ...both, ulm: text }, false],
    ['not with one for another site', { berlin: text, ulm: text }, false],
    ['not if one is longer', { ...both, bonn: `${text}AAAA` }, false],
    ['not if all are shorter', { berlin: text.slice(4), bonn: text.slice(4) }, false],
  ])('%s', (_, sealed, expected) => {
    expect(areSealedFor(sealed, ['berlin', 'bonn'], BYTES.length)).toBe(expected);
  });

  test('not by a name that every object has', () => {
    expect(areSealedFor({ berlin: text }, ['constructor'], BYTES.length)).toBe(false);
  });
});
