import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FaultsInput, faultsSchema } from './configuration.ts';
import { type Call, createFaults } from './faults.ts';

const faultsOf = (rules: FaultsInput['rules'], seed = 1) => createFaults(faultsSchema.parse({ seed, rules }));
const call = (target: string, operation = 'PutObject', rest: Partial<Call> = {}): Call => ({
  operation,
  target,
  conditional: false,
  hasBody: true,
  ...rest,
});

describe('which requests are struck', () => {
  test('is the same in any order of requests to different targets, and another with another seed', () => {
    const targets = Array.from({ length: 20 }, (_, i) => `bucket/${i}`);
    const calls = [...targets, ...targets, ...targets];
    const struckIn = (order: readonly string[], seed: number) => {
      const faults = faultsOf([{ fault: 'slow-down', rate: 0.5 }], seed);
      const hits = new Map<string, boolean[]>();
      for (const target of order) {
        hits.set(target, [...(hits.get(target) ?? []), faults.ofRequest(call(target)) !== undefined]);
      }
      return Object.fromEntries([...hits].sort(([a], [b]) => (a < b ? -1 : 1)));
    };
    const expected = struckIn(calls, 1);

    fc.assert(
      fc.property(fc.shuffledSubarray(calls, { minLength: calls.length }), (order) => {
        expect(struckIn(order, 1)).toEqual(expected);
      }),
    );
    expect(struckIn(calls, 2)).not.toEqual(expected);
  });

  test.each([0, 0.02, 0.3, 1])('is a share of %d of them', (rate) => {
    const faults = faultsOf([{ fault: 'slow-down', rate }]);
    const asked = 4000;
    for (let i = 0; i < asked; i++) faults.ofRequest(call(`bucket/${i % 40}`));
    // Five standard deviations: the seed is fixed, so it holds always or never.
    const [struck] = faults.struck();
    expect(Math.abs((struck as number) - rate * asked)).toBeLessThanOrEqual(5 * Math.sqrt(asked * rate * (1 - rate)));
  });

  test('are those whose target, operation and kind the rule names, no more often than it says', () => {
    const faults = faultsOf([
      { fault: 'conflict', target: '/race$' },
      { fault: 'cut-upload', operations: ['UploadPart'] },
      { fault: 'slow', ms: 5, target: '^bucket/slow', times: 1 },
    ]);
    const struck = (of: Call) => faults.ofRequest(of)?.fault;

    expect(struck(call('bucket/race', 'PutObject', { conditional: true }))).toBe('conflict');
    expect(struck(call('bucket/race'))).toBeUndefined();
    expect(struck(call('bucket/racer', 'PutObject', { conditional: true }))).toBeUndefined();
    expect(struck(call('bucket/x', 'UploadPart'))).toBe('cut-upload');
    expect(struck(call('bucket/x', 'UploadPart', { hasBody: false }))).toBeUndefined();
    expect(struck(call('bucket/slow'))).toBe('slow');
    expect(struck(call('bucket/slow'))).toBeUndefined();
    expect(faults.struck()).toEqual([1, 1, 1]);
  });

  test('are struck by the first rule that does, and never by one for notifications', () => {
    const faults = faultsOf([
      { fault: 'drop' },
      { fault: 'slow-down', rate: 0 },
      { fault: 'cut-before' },
      { fault: 'slow', ms: 1 },
    ]);
    expect(faults.ofRequest(call('a/b'))?.fault).toBe('cut-before');
    expect(faults.struck()).toEqual([0, 0, 1, 0]);
  });
});

describe('configurations', () => {
  test.each([
    ['an unknown fault', { fault: 'explode' }],
    ['a rate above one', { fault: 'drop', rate: 1.5 }],
    ['a broken expression', { fault: 'drop', target: '(' }],
    ['an operation that the server does not know', { fault: 'slow-down', operations: ['PutObjects'] }],
    ['operations of a notification', { fault: 'drop', operations: ['PutObject'] }],
    ['a delay of no length', { fault: 'delay' }],
    ['a property that means nothing', { fault: 'drop', probability: 1 }],
  ])('with %s are refused', (_what, rule) => {
    expect(faultsSchema.safeParse({ rules: [rule] }).success).toBe(false);
  });
});
