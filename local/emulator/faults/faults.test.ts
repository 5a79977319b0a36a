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

describe('faulty requests', () => {
  test('do not depend on the order of requests to different targets, but on the seed', () => {
    const targets = Array.from({ length: 20 }, (_, i) => `bucket/${i}`);
    const calls = [...targets, ...targets, ...targets];
    const faultyIn = (order: readonly string[], seed: number) => {
      const faults = faultsOf([{ fault: 'slow-down', rate: 0.5 }], seed);
      const hits = new Map<string, boolean[]>();
      for (const target of order) {
        hits.set(target, [...(hits.get(target) ?? []), faults.ruleForRequest(call(target)) !== undefined]);
      }
      return Object.fromEntries([...hits].sort(([a], [b]) => (a < b ? -1 : 1)));
    };
    const expected = faultyIn(calls, 1);

    fc.assert(
      fc.property(fc.shuffledSubarray(calls, { minLength: calls.length }), (order) => {
        expect(faultyIn(order, 1)).toEqual(expected);
      }),
    );
    expect(faultyIn(calls, 2)).not.toEqual(expected);
  });

  test.each([0, 0.02, 0.3, 1])('are a share of %d of all requests', (rate) => {
    const faults = faultsOf([{ fault: 'slow-down', rate }]);
    const requests = 4000;
    for (let i = 0; i < requests; i++) faults.ruleForRequest(call(`bucket/${i % 40}`));
    // Five standard deviations. With a fixed seed the result is always the same.
    const [count] = faults.struck();
    expect(Math.abs((count as number) - rate * requests)).toBeLessThanOrEqual(
      5 * Math.sqrt(requests * rate * (1 - rate)),
    );
  });

  test('match target, operation and kind of the rule, at most as often as it says', () => {
    const faults = faultsOf([
      { fault: 'conflict', target: '/race$' },
      { fault: 'cut-upload', operations: ['UploadPart'] },
      { fault: 'slow', ms: 5, target: '^bucket/slow', times: 1 },
    ]);
    const faultOf = (request: Call) => faults.ruleForRequest(request)?.fault;

    expect(faultOf(call('bucket/race', 'PutObject', { conditional: true }))).toBe('conflict');
    expect(faultOf(call('bucket/race'))).toBeUndefined();
    expect(faultOf(call('bucket/racer', 'PutObject', { conditional: true }))).toBeUndefined();
    expect(faultOf(call('bucket/x', 'UploadPart'))).toBe('cut-upload');
    expect(faultOf(call('bucket/x', 'UploadPart', { hasBody: false }))).toBeUndefined();
    expect(faultOf(call('bucket/slow'))).toBe('slow');
    expect(faultOf(call('bucket/slow'))).toBeUndefined();
    expect(faults.struck()).toEqual([1, 1, 1]);
  });

  test('get the first rule that fires, and none for notifications', () => {
    const faults = faultsOf([
      { fault: 'drop' },
      { fault: 'slow-down', rate: 0 },
      { fault: 'cut-before' },
      { fault: 'slow', ms: 1 },
    ]);
    expect(faults.ruleForRequest(call('a/b'))?.fault).toBe('cut-before');
    expect(faults.struck()).toEqual([0, 0, 1, 0]);
  });
});

describe('configurations', () => {
  test.each([
    ['an unknown fault', { fault: 'explode' }],
    ['a rate above one', { fault: 'drop', rate: 1.5 }],
    ['an invalid expression', { fault: 'drop', target: '(' }],
    ['an unknown operation', { fault: 'slow-down', operations: ['PutObjects'] }],
    ['operations of a notification', { fault: 'drop', operations: ['PutObject'] }],
    ['a delay without a length', { fault: 'delay' }],
    ['an unknown property', { fault: 'drop', probability: 1 }],
  ])('with %s are refused', (_what, rule) => {
    expect(faultsSchema.safeParse({ rules: [rule] }).success).toBe(false);
  });
});
