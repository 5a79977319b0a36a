import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { campaignSchema, outcomeSchema } from './federation/schemas.ts';
import { canonicalJson, parseDocument, parseJson } from './json.ts';

/** The same value with the keys of every object in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, inner]) => [key, reversed(inner)])
      .reverse(),
  );
}

describe('canonicalJson', () => {
  test('is the same whatever the order of keys, and parses to the value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(reversed(value))).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('sorts keys, leaves undefined out and has no white space', () => {
    expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: undefined, A: null })).toBe('{"A":null,"b":[{"c":2,"d":1}]}');
  });
});

describe('parseJson', () => {
  const parse = (text: string) => parseJson(Buffer.from(text), campaignSchema, 'campaigns/c/campaign.json');

  test('names the object and the path of every fault', () => {
    const stage = { kind: 'pseudo-label', name: 'label', teachers: ['nobody'] };
    const campaign = { schema: 'fedcardio.campaign/1', id: 'c', stages: [stage] };

    expect(() => parse(JSON.stringify(campaign))).toThrow(
      'campaigns/c/campaign.json: stages[0].teachers: "nobody" is not an earlier stage of this campaign.',
    );
    expect(() => parse('{"id": 3')).toThrow(/^campaigns\/c\/campaign\.json is not JSON: /);
    expect(() => parse('[\n  1,\n]')).toThrow(/^campaigns\/c\/campaign\.json is not JSON: [^\n]+$/);
    expect(() => parse('{"id": 3}')).toThrow(expect.objectContaining({ code: 'BAD_MESSAGE' }));
  });

  test('names the first faults, and how many more there are', () => {
    const stages = Array.from({ length: 40_000 }, () => 1);
    const campaign = JSON.stringify({ schema: 'fedcardio.campaign/1', id: 'c', stages });

    expect(() => parse(campaign)).toThrow(/stages\[0\]: .*stages\[19\]: .*and 39980 more\.$/);
    expect(() => parse(campaign)).toThrow(/^.{0,5000}$/);
  });

  test('names the first values that only a newer release knows', () => {
    const schema = z.array(z.enum(['weights']));
    const text = JSON.stringify(Array.from({ length: 40_000 }, () => 'dreams'));

    expect(() => parseDocument(Buffer.from(text), schema, 'x')).toThrow(
      expect.objectContaining({ code: 'NEWER_SCHEMA', message: expect.stringMatching(/^.{0,1000}and 39980 more\.$/) }),
    );
  });

  test('refuses more values than a document of its size has, before it looks at each', () => {
    const stages = Array.from({ length: 60_000 }, () => 1);

    expect(() => parse(JSON.stringify({ stages }))).toThrow(
      expect.objectContaining({ code: 'BAD_MESSAGE', message: expect.stringContaining('has 59999 values in ') }),
    );
    const texts = stages.map(() => 'x'.repeat(32));
    expect(parseJson(Buffer.from(JSON.stringify(texts)), z.array(z.string()), 'x')).toHaveLength(60_000);
  });

  test('refuses bytes that are not UTF-8', () => {
    expect(() => parseJson(Uint8Array.of(0x22, 0xff, 0x22), outcomeSchema, 'x')).toThrow(/x is not JSON/);
  });
});
