import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { readCorpus } from './corpus.ts';
import { fuzz, type Target, tryInput, tryNumber } from './engine.ts';
import { TARGETS } from './targets.ts';

/** Inputs of each target in every run of the tests, about 20 s in total on two cores. `npm run fuzz` tries more. */
const RUNS: Readonly<Record<string, number>> = {
  nifti: 1500,
  safetensors: 8000,
  events: 500,
  documents: 500,
  markups: 3000,
  http: 600,
};
const FIRST = 1_000_001;

describe.each(Object.entries(TARGETS))('%s', (name, open) => {
  let target: Target | undefined;
  const opened = async () => {
    target ??= await open();
    return target;
  };
  afterAll(() => target?.close?.());

  test('holds for every input that once broke something', async () => {
    for (const [file, input] of readCorpus(name)) {
      expect((await tryInput(await opened(), input))?.reason, file).toBeUndefined();
    }
  });

  test('holds for new inputs', { timeout: 300_000 }, async () => {
    expect(RUNS[name]).toBeGreaterThan(0);

    const findings = await fuzz(await opened(), { seed: FIRST, runs: RUNS[name] as number });

    const found = findings.map(({ number, reason }) => `npm run fuzz -- ${name} --replay ${number}: ${reason}`);
    expect(found).toEqual([]);
  });
});

describe('the engine', () => {
  /** Breaks when an input has a byte above 200. */
  const fragile: Target = {
    inputs: fc.uint8Array({ maxLength: 50 }),
    check: (input) => {
      if (input.some((byte) => byte > 200)) throw new Error('it is fragile');
    },
  };

  test('reports one finding of a kind, made smaller, with the number that makes it again', async () => {
    const findings = await fuzz(fragile, { seed: 1, runs: 50 });

    expect(findings).toHaveLength(1);
    const [found] = findings;
    expect(found?.reason).toMatch('it is fragile');
    expect([...(found?.input ?? [])]).toEqual([201]);
    expect((await tryNumber(fragile, found?.number as number))?.input).toEqual(found?.input);
    expect((await tryInput(fragile, found?.input as Uint8Array))?.reason).toMatch('it is fragile');
  });

  test('makes other inputs for other numbers', async () => {
    const seen = new Set<string>();
    const watched: Target = { ...fragile, check: (input) => void seen.add(Buffer.from(input).toString('hex')) };

    await fuzz(watched, { seed: 1, runs: 100 });

    expect(seen.size).toBeGreaterThan(80);
  });

  test('finds what takes too much memory', async () => {
    const BYTES = 320 * 2 ** 20;
    let kept: Uint8Array | undefined;
    const greedy: Target = {
      inputs: fc.constant(Buffer.alloc(1)),
      check: () => {
        kept = Buffer.alloc(BYTES, 1);
      },
    };

    const [finding] = await fuzz(greedy, { seed: 1, runs: 1 });

    expect(kept?.length).toBe(BYTES);
    expect(finding?.reason).toMatch(/memory grew by \d+ KiB for 1 bytes/);
  });
});
