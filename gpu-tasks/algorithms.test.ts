import { beforeEach, expect, test } from 'vitest';
import { mergeUpdates } from '../lib/aggregation/merge.ts';
import { federationKeys, siteKeys } from '../lib/federation/keys.ts';
import { commitSchema, mergedSchema, type Open, planSchema } from '../lib/federation/schemas.ts';
import { controlsIn, parametersIn } from '../lib/models/control-variates.ts';
import { headOf } from '../lib/models/parameters.ts';
import { difference } from '../lib/nn/testing.ts';
import type { Stores } from '../lib/storage/contract.ts';
import { createJson, readJson } from '../lib/storage/documents.ts';
import { decodeSafetensors } from '../lib/weights/safetensors.ts';
import type { Weights } from '../lib/weights/weights.ts';
import { runGpuTask } from './run-gpu-task.ts';
import { openSiteData } from './site-data.ts';
import { trainedModel, withStageModels } from './stage-model.ts';
import { gpuTaskContext, openRound, stores, type TeacherOptions, updateOf, uploadCase } from './testing.ts';

let storage: Stores;

beforeEach(async () => {
  storage = stores();
  await uploadCase(storage, 'training', 'p1', true, 'berlin');
  await uploadCase(storage, 'training', 'p2', true, 'bonn');
  // A site without labels: it trains no teacher.
  await uploadCase(storage, 'training', 'p3', false, 'hamburg');
  for (const site of ['berlin', 'hamburg']) await uploadCase(storage, 'evaluation', `held-${site}`, true, site);
});

const AT = { campaign: 'aortic', stage: 'teacher' };

async function run(site: string, stage: string, round: number, base: Open['base'], options: TeacherOptions) {
  const message = await openRound(storage, stage, round, base, { ...options, site });
  const { context, logged } = await gpuTaskContext(storage, site);
  expect(await runGpuTask(message, context), logged.join('\n')).toBe('done');
  const update = await updateOf(storage, message);
  if (update.status !== 'ok') throw new Error(update.reason);
  return { update, logged };
}

/** Trains the rounds at Berlin and Bonn, merges and commits them; returns the bytes of each update, by round. */
async function teach(options: TeacherOptions, delta = false) {
  const updates: (readonly Uint8Array[])[] = [];
  let base: Open['base'] = null;
  for (let round = 1; round <= (options.rounds ?? 2); round++) {
    const at = { ...AT, round };
    const sent = [];
    for (const site of ['berlin', 'bonn']) sent.push((await run(site, 'teacher', round, base, options)).update);
    const inputs = sent.map(({ site, samples, weights }) => ({ site, samples, weights: weights! }));
    updates.push(
      await Promise.all(inputs.map(async ({ weights }) => (await storage.federationStore.get(weights.key)).body)),
    );
    const merged = await mergeUpdates(inputs, {
      store: storage.federationStore,
      key: federationKeys.global(at, `${round}`),
      stateKey: federationKeys.state(at, `${round}`),
      aggregation: { strategy: 'fedavg', untrained: 'average', maxUpdateBytes: 2 ** 30 },
      base,
      delta: delta && base !== null,
      dtype: options.encoding?.dtype ?? 'F32',
    });
    if (merged.kind !== 'merged') throw new Error(JSON.stringify(merged));
    const { global } = merged;
    await createJson(storage.federationStore, federationKeys.merged(at), mergedSchema, {
      schema: 'fedcardio.merged/1',
      ...at,
      global,
    });
    const commit = await createJson(storage.federationStore, federationKeys.commit(at), commitSchema, {
      schema: 'fedcardio.commit/1',
      ...at,
      at: '2026-01-01T00:00:00.000Z',
      seal: global.sha256,
      previous: global.sha256,
      samples: 2,
      sites: ['berlin', 'bonn'],
      global,
      state: null,
      figures: {},
    });
    base = { commit: commit.sha256, ...global, state: null };
  }
  return { updates, global: decodeSafetensors((await storage.federationStore.get(base!.key)).body) };
}

const withAlgorithm = (
  algorithm: NonNullable<TeacherOptions['training']>['algorithm'],
  more: TeacherOptions = {},
): TeacherOptions => ({ rounds: 2, ...more, training: { ...more.training, algorithm } });

async function modelAt(site: string) {
  const { context } = await gpuTaskContext(storage, site);
  const data = openSiteData(storage.siteStore(site), context.cache, context.log, 'tavi');
  const document = await readJson(storage.federationStore, federationKeys.plan('aortic'), planSchema);
  const input = { data, plan: document.value, planSha256: document.sha256 };
  return withStageModels(storage.federationStore, input, 'teacher', async ({ members, tasks, withoutHead }) => ({
    weights: members[0]!.network.read(),
    tasks: tasks.map(({ id }) => id),
    withoutHead: withoutHead.map(({ id }) => id),
  }));
}

const stateOf = async (site: string, round: number): Promise<Weights> =>
  decodeSafetensors((await storage.siteStore(site).get(siteKeys.localParameters({ ...AT, round }))).body);
const sorted = (weights: Weights): Weights => new Map([...weights].sort(([a], [b]) => (a < b ? -1 : 1)));

test('SCAFFOLD: control variates are merged with the weights, and no model has them', async () => {
  const { updates, global } = await teach(withAlgorithm({ name: 'scaffold' }));

  expect([...controlsIn(global).keys()]).toEqual([...parametersIn(global).keys()]);
  expect([...controlsIn(global).values()].some(({ data }) => data.some((value) => value !== 0))).toBe(true);
  expect(controlsIn(decodeSafetensors(updates[1]![0]!))).toEqual(controlsIn(await stateOf('berlin', 2)));
  for (const site of ['berlin', 'hamburg']) expect(sorted((await modelAt(site)).weights)).toEqual(parametersIn(global));
  expect(sorted((await trainedModel(storage.federationStore, 'aortic', 'teacher')).weights)).toEqual(
    parametersIn(global),
  );
  await run('hamburg', 'label', 1, null, withAlgorithm({ name: 'scaffold' }));
  const { update } = await run('hamburg', 'evaluate', 1, null, withAlgorithm({ name: 'scaffold' }));
  expect(update.scores).toHaveLength(1);
});

test.each([
  ['F32', true],
  ['F16', false],
  ['F16', true],
  ['BF16', true],
] as const)('SCAFFOLD: control variates can be sent as %s, delta %s', async (dtype, delta) => {
  const options = withAlgorithm({ name: 'scaffold' }, { encoding: { dtype, delta } });

  const { global } = await teach(options, delta);

  const own = await Promise.all(['berlin', 'bonn'].map((site) => stateOf(site, 2)));
  for (const [name, { data }] of controlsIn(global)) {
    const [one, other] = own.map((state) => controlsIn(state).get(name)!.data);
    const largest = Math.max(...one!.map(Math.abs), ...other!.map(Math.abs));
    const mean = one!.map((value, i) => (value + other![i]!) / 2);
    expect(difference(data, mean), name).toBeLessThan(0.01 * largest + 1e-6);
  }
});

test('FedPer: heads stay at their sites, and only a site with a head labels and scores', async () => {
  const options = withAlgorithm({ name: 'fedper' });
  const { global } = await teach(options);

  expect([...global.keys()].filter((name) => headOf(name) !== undefined)).toEqual([]);
  const [berlin, bonn, hamburg] = await Promise.all(['berlin', 'bonn', 'hamburg'].map(modelAt));
  expect(sorted(berlin!.weights)).toEqual(sorted(new Map([...global, ...(await stateOf('berlin', 2))])));
  expect(berlin!.weights).not.toEqual(bonn!.weights);
  expect(berlin!.tasks).toEqual(['calcification']);
  expect(hamburg).toMatchObject({ tasks: [], withoutHead: ['calcification'] });

  const labelled = await run('hamburg', 'label', 1, null, options);
  expect(labelled.update.figures).toEqual({});
  expect(labelled.logged.join('\n')).toContain('"event":"no-head","model":"teacher","tasks":["calcification"]');
  const scored = await run('hamburg', 'evaluate', 1, null, options);
  expect(scored.update.scores ?? []).toEqual([]);
  expect(scored.logged.join('\n')).toContain('no-head');
  expect((await run('berlin', 'evaluate', 1, null, options)).update.scores).toHaveLength(1);
  await expect(trainedModel(storage.federationStore, 'aortic', 'teacher')).rejects.toMatchObject({
    code: 'BAD_CONFIGURATION',
    message: expect.stringContaining('The heads of teacher stay at their sites'),
  });
});

test('heads that stay by a pattern are treated as those of FedPer', async () => {
  const options: TeacherOptions = { rounds: 1, training: { localParameters: ['head.*'] } };
  await teach(options);

  expect((await modelAt('berlin')).tasks).toEqual(['calcification']);
  expect((await modelAt('hamburg')).withoutHead).toEqual(['calcification']);
  await expect(trainedModel(storage.federationStore, 'aortic', 'teacher')).rejects.toMatchObject({
    code: 'BAD_CONFIGURATION',
  });
});

test('Ditto: updates are those of federated averaging to the byte, and sites predict with their personal models', async () => {
  const options = withAlgorithm({ name: 'ditto', lambda: 10 });
  const { updates, global } = await teach(options);
  const [berlin, hamburg] = await Promise.all(['berlin', 'hamburg'].map(modelAt));
  const personal = await stateOf('berlin', 2);
  const exported = await trainedModel(storage.federationStore, 'aortic', 'teacher');

  expect(sorted(berlin!.weights)).toEqual(personal);
  expect(personal).not.toEqual(global);
  expect(sorted(hamburg!.weights)).toEqual(global);
  expect(sorted(exported.weights)).toEqual(global);

  storage = stores();
  await uploadCase(storage, 'training', 'p1', true, 'berlin');
  await uploadCase(storage, 'training', 'p2', true, 'bonn');
  expect((await teach({ rounds: 2 })).updates).toEqual(updates);
});
