import { describe, expect, test } from 'vitest';
import type { GpuTaskMessage } from '../lib/federation/schemas.ts';
import type { Weights } from '../lib/weights/weights.ts';
import { dpSgdSecret, privateWeights } from './private-weights.ts';
import { stores } from './testing.ts';

const store = stores().siteStore('berlin');
const weights = (...values: number[]): Weights =>
  new Map([['w', { dtype: 'F32', shape: [values.length], data: Float32Array.from(values) }]]);
const message = (fields: Partial<GpuTaskMessage> = {}) =>
  ({
    ...{
      site: 'berlin',
      campaign: 'tavi',
      stage: 'teacher',
      round: 1,
      seed: 1,
      base: null,
      config: { kind: 'teacher' },
    },
    ...fields,
  }) as GpuTaskMessage;

describe('local noise', () => {
  const terms = { noise: 'local', clip: 1, noiseMultiplier: 20, sites: 3 } as const;
  const trained = weights(0.25, 0.5, 0.125, 0.75);
  const noiseOf = async (from: Weights, changed: { readonly clip?: number } = {}) => {
    const sent = await privateWeights(store, message(), { ...terms, ...changed } as never, trained, from);
    const start = from.get('w')!.data;
    return { digest: sent.digest, values: [...sent.weights.get('w')!.data].map((value, i) => value - start[i]!) };
  };

  test('is the same for the same update', async () => {
    expect(await noiseOf(weights(0, 0, 0, 0))).toEqual(await noiseOf(weights(0, 0, 0, 0)));
  });

  test('is other noise for the same weights from another start, or with other terms: nobody can subtract it', async () => {
    const first = await noiseOf(weights(0, 0, 0, 0));
    for (const other of [
      await noiseOf(weights(0.25, 0.5, 0.125, 0.5)),
      await noiseOf(weights(0, 0, 0, 0), { clip: 0.5 }),
    ]) {
      expect(other.digest).not.toBe(first.digest);
      // The updates differ by at most 2 C, the noise of each value has a deviation of at least 10 C.
      expect(Math.hypot(...other.values.map((value, i) => value - first.values[i]!))).toBeGreaterThan(5);
    }
  });
});

describe('the secret of a round of DP-SGD', () => {
  const secretOf = async (
    fields: Partial<GpuTaskMessage> = {},
    cases: readonly string[] = ['a', 'b'],
    states: readonly (Weights | undefined)[] = [undefined],
    planSha256 = 'p',
  ) => {
    const terms = { message: message(fields), planSha256 };
    return Buffer.from(await dpSgdSecret(store, terms, cases, states)).toString('hex');
  };

  test('is the same for a round that starts again', async () => {
    expect(await secretOf()).toBe(await secretOf());
  });

  test('is another for another model, seed, configuration, round, case, state or plan', async () => {
    const base = { commit: 'a', key: 'k', sha256: 'b', bytes: 1, state: null } as never;
    const secrets = await Promise.all([
      secretOf(),
      secretOf({ base }),
      secretOf({ seed: 2 }),
      secretOf({ config: { kind: 'student' } as never }),
      secretOf({ round: 2 }),
      secretOf({}, ['a']),
      secretOf({}, ['a', 'b'], [weights(1)]),
      secretOf({}, ['a', 'b'], [undefined], 'q'),
    ]);

    expect(new Set(secrets).size).toBe(secrets.length);
  });
});
