import { beforeEach, expect, test } from 'vitest';
import { federationKeys, siteKeys } from '../lib/federation/keys.ts';
import { type Open, planSchema } from '../lib/federation/schemas.ts';
import { difference } from '../lib/nn/testing.ts';
import type { StoredObject, Stores } from '../lib/storage/contract.ts';
import { readJson } from '../lib/storage/documents.ts';
import { decodeSafetensors, encodeSafetensors } from '../lib/weights/safetensors.ts';
import type { Weights } from '../lib/weights/weights.ts';
import { runGpuTask } from './run-gpu-task.ts';
import { openSiteData } from './site-data.ts';
import { encodeState } from './site-state.ts';
import { withStageModels } from './stage-model.ts';
import {
  commitUpdateOf,
  gpuTaskContext,
  openRound,
  stores,
  type TeacherOptions,
  updateOf,
  uploadCase,
} from './testing.ts';

const OPTIONS: TeacherOptions = { rounds: 3, training: { localParameters: ['*norm*'] } };
/** Training that hardly changes any weight. */
const UNCHANGED: TeacherOptions = {
  rounds: 3,
  training: { localParameters: ['*norm*'], steps: 1, learningRate: 1e-12, weightDecay: 0 },
};
let storage: Stores;
let running: Awaited<ReturnType<typeof gpuTaskContext>>;

beforeEach(async () => {
  storage = stores();
  running = await gpuTaskContext(storage);
  await uploadCase(storage, 'training', 'p1', true, 'berlin');
  await uploadCase(storage, 'training', 'p2', true, 'bonn');
});

async function train(site: string, round: number, options: TeacherOptions, base: Open['base'] = null) {
  const message = await openRound(storage, 'teacher', round, base, { ...options, site });
  const { context } = await gpuTaskContext(storage, site);
  expect(await runGpuTask(message, context)).toBe('done');
  return message;
}

const localKey = (round: number) => siteKeys.localParameters({ campaign: 'aortic', stage: 'teacher', round });
const decode = async (stored: Promise<StoredObject>) => decodeSafetensors((await stored).body);
const localOf = (site: string, round: number) => decode(storage.siteStore(site).get(localKey(round)));
/** Replaces a site's stored local parameters of a round. */
const storeLocal = (site: string, round: number, local: Weights) =>
  storage.siteStore(site).put(localKey(round), encodeSafetensors(local));
const filled = (weights: Weights, value: number): Weights =>
  new Map([...weights].map(([name, tensor]) => [name, { ...tensor, data: tensor.data.map(() => value) }]));
const namesOf = (weights: Weights, isNorm: boolean) => [...weights.keys()].filter((n) => n.includes('norm') === isNorm);

/** The weights that a site predicts with after the teacher stage. */
async function finalModelAt(site: string): Promise<Weights> {
  const data = openSiteData(storage.siteStore(site), running.context.cache, running.context.log, 'tavi');
  const document = await readJson(storage.federationStore, federationKeys.plan('aortic'), planSchema);
  const input = { data, plan: document.value, planSha256: document.sha256 };
  return withStageModels(storage.federationStore, input, 'teacher', async ({ members: [model] }) =>
    model!.network.read(),
  );
}

test('keeps local parameters at their site, out of every update', async () => {
  const shared: Weights[] = [];
  for (const site of ['berlin', 'bonn']) {
    const update = await updateOf(storage, await train(site, 1, OPTIONS));
    if (update.status !== 'ok' || !update.weights) throw new Error('The GPU task published no weights.');
    shared.push(await decode(storage.federationStore.get(update.weights.key)));
  }

  const [here, there] = await Promise.all([localOf('berlin', 1), localOf('bonn', 1)]);

  expect(namesOf(here!, true)).toHaveLength(12);
  expect(namesOf(here!, false)).toEqual([]);
  for (const [name, { data }] of here!) expect(there!.get(name)!.data, name).not.toEqual(data);
  for (const weights of shared) {
    expect(namesOf(weights, true)).toEqual([]);
    expect(weights.size).toBeGreaterThan(0);
  }
});

test('starts with the local parameters of the last round that the site took part in', async () => {
  const base = await commitUpdateOf(storage, await train('bonn', 1, UNCHANGED));
  const local = await localOf('bonn', 1);

  // Berlin did not take part in the second round.
  await storeLocal('berlin', 1, filled(local, 0.7));
  await train('berlin', 3, UNCHANGED, base);
  for (const [name, { data }] of await localOf('berlin', 3)) {
    expect(
      difference(
        data,
        data.map(() => 0.7),
      ),
      name,
    ).toBeLessThan(1e-6);
  }

  // Bonn did. A repeated round 3 must not start from its own result.
  await storeLocal('bonn', 2, filled(local, 0.4));
  await storeLocal('bonn', 3, filled(local, 0.9));
  await train('bonn', 3, UNCHANGED, base);
  for (const [name, { data }] of await localOf('bonn', 3)) {
    expect(
      difference(
        data,
        data.map(() => 0.4),
      ),
      name,
    ).toBeLessThan(1e-6);
  }
});

test.each([
  ['of two rounds', undefined, [2, 3]],
  ['of all rounds if any of them may have the best model', { keep: 'best' as const }, [1, 2, 3]],
])('keeps the local parameters %s', async (_, validate, expected) => {
  const options = { ...UNCHANGED, rounds: 4, ...(validate && { validation: { share: 0.2 }, validate }) };
  let base: Open['base'] = null;
  for (const round of [1, 2, 3]) base = await commitUpdateOf(storage, await train('bonn', round, options, base));

  const kept = await Promise.all([1, 2, 3].map((round) => storage.siteStore('bonn').tryGet(localKey(round))));

  expect([1, 2, 3].filter((_, index) => kept[index] !== undefined)).toEqual(expected);
});

test('predicts with local parameters of the site, or with initial weights if the site never trained', async () => {
  const base = await commitUpdateOf(storage, await train('bonn', 1, OPTIONS));
  const last = await train('bonn', 3, OPTIONS, base);
  await commitUpdateOf(storage, last);
  const update = await updateOf(storage, last);
  if (update.status !== 'ok' || !update.weights) throw new Error('The GPU task published no weights.');
  const global = await decode(storage.federationStore.get(update.weights.key));
  const own = await localOf('bonn', 3);
  await storeLocal('berlin', 1, filled(own, 0.7));

  const [bonn, berlin, hamburg] = await Promise.all(['bonn', 'berlin', 'hamburg'].map(finalModelAt));

  for (const model of [bonn, berlin, hamburg]) {
    expect(new Set(model!.keys())).toEqual(new Set([...global.keys(), ...own.keys()]));
    for (const [name, { data }] of global) expect(model!.get(name)!.data, name).toEqual(data);
  }
  for (const [name, { data }] of own) {
    expect(bonn!.get(name)!.data, name).toEqual(data);
    expect(berlin!.get(name)!.data, name).toEqual(data.map(() => 0.7));
    expect(hamburg!.get(name)!.data, name).toEqual(data.map(() => (name.endsWith('weight') ? 1 : 0)));
  }
});

test('neither trains nor predicts with the local parameters of a campaign that had the same name', async () => {
  const base = await commitUpdateOf(storage, await train('bonn', 1, UNCHANGED));
  const { sha256 } = await readJson(storage.federationStore, federationKeys.plan('aortic'), planSchema);
  const former = encodeState(filled(await localOf('bonn', 1), 0.7), sha256);
  for (const site of ['berlin', 'bonn']) await storage.siteStore(site).put(localKey(1), former);

  const evaluate = { kind: 'evaluate', name: 'again', models: { teacher: 'teacher' } } as const;
  await commitUpdateOf(storage, await train('bonn', 3, { ...UNCHANGED, more: [evaluate] }, base));

  for (const model of [await localOf('bonn', 3), await finalModelAt('berlin')]) {
    for (const name of namesOf(model, true)) {
      const { data } = model.get(name)!;
      const initial = data.map(() => (name.endsWith('weight') ? 1 : 0));
      expect(difference(data, initial), name).toBeLessThan(1e-6);
    }
  }
});
