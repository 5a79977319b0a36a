import { describe, expect, test } from 'vitest';
import { collect } from '../lib/async.ts';
import { federationKeys } from '../lib/federation/keys.ts';
import { type GpuTaskMessage, mergedSchema } from '../lib/federation/schemas.ts';
import { sha256Hex } from '../lib/json.ts';
import { documentBody, readJson } from '../lib/storage/documents.ts';
import { decodeSafetensors, encodeSafetensors } from '../lib/weights/safetensors.ts';
import type { Weights } from '../lib/weights/weights.ts';
import { dpSgdSecret, privateWeights } from './private-weights.ts';
import { runGpuTask } from './run-gpu-task.ts';
import { commitUpdateOf, gpuTaskContext, openRound, SITE, stores, type TeacherOptions, uploadCase } from './testing.ts';

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

const LOCAL = { noise: 'local', clip: 1, noiseMultiplier: 1 } as const;
const TRAINING = { patch: 16, spacing: 6, steps: 2, learningRate: 1e-2, warmup: 0 };

test.each([
  ['local noise', { epsilon: 100, sites: { teacher: 1, probe: 1 }, ...LOCAL }, {}],
  ['DP-SGD', undefined, { dpSgd: { clip: 1, noiseMultiplier: 1 }, keepOptimizer: false }],
])('a probe with %s is trained on one body, whatever the coordinator names later', async (_, noise, training) => {
  const storage = stores();
  await uploadCase(storage, 'training', 'c-1', true);
  const probe = { kind: 'probe', name: 'probe', of: 'teacher', task: 'calcification', rounds: 1 } as const;
  const options: TeacherOptions = {
    rounds: 1,
    ...(noise && { privacy: { differentialPrivacy: noise } }),
    more: [{ ...probe, training: { ...TRAINING, ...training } }],
  };
  const privacy = noise && { ...LOCAL, sites: 1 };
  const { context } = await gpuTaskContext(storage);
  const teacher = { ...(await openRound(storage, 'teacher', 1, null, options)), ...(privacy && { privacy }) };
  await runGpuTask(teacher, context);
  const global = await commitUpdateOf(storage, teacher);
  // Not resent: the site does not look whether it has answered.
  const message = { ...(await openRound(storage, 'probe', 1)), ...(privacy && { privacy }), resent: false };
  const { federationStore } = storage;
  const sent = async () => {
    const listed = await collect(federationStore.list(federationKeys.siteUpdates(message, SITE)));
    return listed.filter(({ key }) => key.endsWith('.safetensors')).length;
  };
  expect(await runGpuTask(message, context)).toBe('done');
  expect(await runGpuTask(message, context)).toBe('done');
  expect(await sent()).toBe(1);

  const weights = decodeSafetensors((await federationStore.get(global!.key)).body);
  const scaled = [...weights].map(([name, tensor]) => [name, { ...tensor, data: tensor.data.map((v) => 1.5 * v) }]);
  const body = encodeSafetensors(new Map(scaled as [string, never][]));
  const key = federationKeys.global(teacher, 'f'.repeat(16));
  await federationStore.put(key, body);
  const merged = federationKeys.merged(teacher);
  const { value } = await readJson(federationStore, merged, mergedSchema);
  const other = { ...value, global: { key, sha256: sha256Hex(body), bytes: body.length } };
  await federationStore.put(merged, documentBody(mergedSchema, other));

  expect(await runGpuTask(message, context)).toBe('failed');
  expect(await sent()).toBe(1);
});
