import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { faultsSchema } from './configuration.ts';
import { createFaults } from './faults.ts';
import { compilePattern } from './pattern.ts';

const { sources } = fc.letrec<{ sources: string }>((tie) => ({
  sources: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(
      'a',
      'b',
      '.',
      '^',
      '$',
      '[ab]',
      '[^a]',
      '\\w',
      '\\W',
      '\\.',
      '\\u{61}',
      '',
      '/',
      'ü',
      '[\\]a]',
      '(a)',
    ),
    fc.tuple(tie('sources'), tie('sources')).map(([a, b]) => a + b),
    fc.tuple(tie('sources'), tie('sources')).map(([a, b]) => `(?:${a}|${b})`),
    fc
      .tuple(tie('sources'), fc.constantFrom('*', '+', '?', '*?', '{2}', '{0,2}', '{1,}', '{0}'))
      .map(([a, quantifier]) => `(?:${a})${quantifier}`),
  ),
}));

describe('a pattern', () => {
  test('matches what the native expression matches', () => {
    const texts = fc.string({ unit: fc.constantFrom('a', 'b', '.', '/', 'ü', '\n', '\u{1f600}'), maxLength: 8 });
    fc.assert(
      fc.property(sources, texts, (source, text) => {
        expect(compilePattern(source)(text)).toBe(new RegExp(source, 'u').test(text));
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['/(seal|commit)\\.json$', 'fed/campaigns/c/rounds/1/seal.json', true],
    ['/(seal|commit)\\.json$', 'fed/campaigns/c/rounds/1/seal.json.gz', false],
    ['/updates/', 'fed/updates/x', true],
    ['^faulty$', 'faulty', true],
    ['^faulty$', 'faulty-dead', false],
    ['(?<kind>case)s?/\\d{1,3}[^/]*\\.nii(\\.gz)?$', 'cases/17a.nii.gz', true],
    ['\\ud83d\\ude00|\\x41|\\p{Lu}\\/', 'x/\u{1f600}', true],
    ['[\\]\\-x]\\p{Script=Greek}', '-α', true],
  ])('%s in %s: %s', (source, text, expected) => {
    expect(compilePattern(source)(text)).toBe(expected);
    expect(new RegExp(source, 'u').test(text)).toBe(expected);
  });

  test.each(['(a+)+$', '/(a|a)*$', '(a*)*b', '(.*)*(.*)*(.*)*x', 'a*a*a*a*a*a*a*a*b', '(?:a?){60}a{60}b', '((a*)*)*b'])(
    '%s is tested against the longest key in one pass',
    (source) => {
      const matches = compilePattern(source);

      const before = performance.now();
      expect(matches(`/${'a'.repeat(1024)}!`)).toBe(false);

      // A backtracking matcher needs hours.
      expect(performance.now() - before).toBeLessThan(5000);
    },
  );

  test.each([
    ['(', /not a regular expression/],
    ['(?=a)', /\(\?=, which is not supported/],
    ['(?<!a)b', /\(\?<!, which is not supported/],
    ['(a)\\1', /\\1, which is not supported/],
    ['\\bword', /\\b, which is not supported/],
    ['(?<n>a)\\k<n>', /\\k, which is not supported/],
    ['(?:a{100}){100}', /too many repetitions/],
    ['a{1000000000}', /too many repetitions/],
    ['(?:){1000000000}', /too many repetitions/],
    ['a'.repeat(300), /longer than 256/],
  ])('%s is refused with the reason', (target, reason) => {
    const parsed = faultsSchema.safeParse({ rules: [{ fault: 'drop', target }] });
    expect(parsed.error?.issues[0]?.message).toMatch(reason);
  });

  test('matches no text that is longer than any target', () => {
    expect(['a'.repeat(2000), 'a'.repeat(3000)].map(compilePattern('a'))).toEqual([true, false]);
  });

  test('of a rule does not block the server', () => {
    const { ruleForRequest } = createFaults(
      faultsSchema.parse({ rules: [{ fault: 'slow-down', target: '^(([a-z])+.)+[A-Z]$' }] }),
    );
    const target = `bucket/${'a'.repeat(60)}`;
    expect(ruleForRequest({ operation: 'PutObject', target, conditional: false, hasBody: true })).toBeUndefined();
  });
});
