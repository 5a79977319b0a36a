import { beforeEach, expect, test } from 'vitest';
import { mergeUpdates } from '../lib/aggregation/merge.ts';
import { collect } from '../lib/async.ts';
import { type FederationKey, federationKeys } from '../lib/federation/keys.ts';
import { aggregationSchema, type Encoding, encodingSchema, type Open } from '../lib/federation/schemas.ts';
import { keyOf } from '../lib/federation/testing.ts';
import { difference } from '../lib/nn/testing.ts';
import type { Stores } from '../lib/storage/contract.ts';
import { decodeSafetensors } from '../lib/weights/safetensors.ts';
import { parseSafetensorsHeader } from '../lib/weights/safetensors-header.ts';
import type { Weights } from '../lib/weights/weights.ts';
import { runGpuTask } from './run-gpu-task.ts';
import {
  commitUpdateOf,
  gpuTaskContext,
  openRound,
  stores,
  type TeacherOptions,
  updateOf,
  uploadCase,
} from './testing.ts';

const SITES = ['berlin', 'bonn'] as const;
let storage: Stores;

beforeEach(async () => {
  storage = stores();
  for (const site of SITES) await uploadCase(storage, 'training', `of-${site}`, true, site);
});

const decode = async (key: FederationKey): Promise<Weights> =>
  decodeSafetensors((await storage.federationStore.get(key)).body);

/** Trains a round at a site, replacing an earlier update. Returns the update's weights file. */
async function trainedUpdate(site: string, round: number, base: Open['base'], options: TeacherOptions) {
  const message = await openRound(storage, 'teacher', round, base, { site, ...options });
  for (const { key } of await collect(storage.federationStore.list(federationKeys.siteUpdates(message, site)))) {
    await storage.federationStore.delete(key);
  }
  const { context } = await gpuTaskContext(storage, site);
  expect(await runGpuTask(message, context)).toBe('done');
  const update = await updateOf(storage, message);
  if (update.status !== 'ok' || !update.weights) throw new Error('The GPU task published no weights.');
  const { delta, ...file } = update.weights;
  const { body } = await storage.federationStore.get(file.key);
  expect(file.bytes).toBe(body.length);
  const dtypes = new Set([...parseSafetensorsHeader(body).tensors.values()].map(({ dtype }) => dtype));
  return { message, delta, dtypes: [...dtypes], update: { site, samples: update.samples, weights: file } };
}

/** The merge of both sites' second round. */
async function mergedModel(encoding: Encoding, base: Open['base']): Promise<Weights> {
  // Each encoding has a plan of its own, which does not continue with the optimiser's state of another plan.
  const options = { encoding, training: { keepOptimizer: false } };
  const updates = await Promise.all(SITES.map((site) => trainedUpdate(site, 2, base, options)));
  for (const { delta, dtypes } of updates) expect([delta, dtypes]).toEqual([encoding.delta, [encoding.dtype]]);
  const [key, stateKey] = [keyOf('global'), keyOf('state')];
  const result = await mergeUpdates(
    updates.map(({ update }) => update),
    {
      store: storage.federationStore,
      key,
      stateKey,
      aggregation: aggregationSchema.parse({ strategy: 'fedavg' }),
      base,
      ...encoding,
    },
  );
  expect(result.kind).toBe('merged');
  return decode(key);
}

test('merges updates to the same model in every encoding, within its precision', async () => {
  const base = await commitUpdateOf(storage, (await trainedUpdate('berlin', 1, null, {})).message);
  const exact = await mergedModel({ dtype: 'F32', delta: false }, base);
  const global = await decode(base!.key);
  const largestDifference = (weights: Weights, from: Weights) =>
    Math.max(...[...weights].map(([name, { data }]) => difference(data, from.get(name)!.data)));

  const whole = await mergedModel({ dtype: 'F16', delta: false }, base);
  const changes = await mergedModel({ dtype: 'F16', delta: true }, base);
  const coarse = await mergedModel({ dtype: 'BF16', delta: true }, base);

  const change = largestDifference(exact, global);
  expect(change).toBeGreaterThan(1e-3);
  // The largest weight is the bias of a head, -7.6.
  expect(largestDifference(whole, exact)).toBeLessThan(8 * 2 ** -12);
  expect(largestDifference(changes, exact)).toBeLessThan(change * 2 ** -11);
  expect(largestDifference(coarse, exact)).toBeLessThan(change * 2 ** -8);
  expect(largestDifference(changes, exact)).toBeLessThan(largestDifference(whole, exact) / 8);
  expect(largestDifference(coarse, exact)).toBeGreaterThan(0);
});

test('sends whole weights in the first round of a stage', async () => {
  const { delta, update } = await trainedUpdate('berlin', 1, null, { encoding: encodingSchema.parse({ delta: true }) });
  expect(delta).toBe(false);
  const plain = await trainedUpdate('berlin', 1, null, {});
  expect(update.weights.sha256).toBe(plain.update.weights.sha256);
});

test('fails without publishing weights that the encoding cannot represent', async () => {
  const message = await openRound(storage, 'teacher', 1, null, {
    training: { steps: 1, learningRate: 1e6 },
    encoding: { dtype: 'F16' },
  });

  const { context } = await gpuTaskContext(storage);
  expect(await runGpuTask(message, context)).toBe('failed');

  expect(await updateOf(storage, message)).toMatchObject({
    status: 'failed',
    code: 'BAD_WEIGHTS',
    reason: expect.stringContaining('F16'),
  });
  const keys = (await collect(storage.federationStore.list(federationKeys.siteUpdates(message, message.site)))).map(
    ({ key }) => key,
  );
  expect(keys.filter((key) => key.endsWith('.safetensors'))).toEqual([]);
});
