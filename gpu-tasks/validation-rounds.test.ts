import { beforeEach, describe, expect, test } from 'vitest';
import { federationKeys } from '../lib/federation/keys.ts';
import { type GpuTaskMessage, mergedSchema, type Open } from '../lib/federation/schemas.ts';
import type { Stores } from '../lib/storage/contract.ts';
import { createJson } from '../lib/storage/documents.ts';
import { runGpuTask } from './run-gpu-task.ts';
import { commitUpdateOf, gpuTaskContext, openRound, stores, updateOf, uploadCase } from './testing.ts';

const OPTIONS = { rounds: 2, validation: { share: 0.4 }, validate: { keep: 'best' as const } };

let storage: Stores;
let running: Awaited<ReturnType<typeof gpuTaskContext>>;

beforeEach(async () => {
  storage = stores();
  running = await gpuTaskContext(storage);
  for (const id of ['p1', 'p2', 'p3', 'p4', 'p5']) await uploadCase(storage, 'training', id, true);
  await uploadCase(storage, 'evaluation', 'h1', true);
});

const open = (round: number, base: Open['base'], stage = 'teacher') => openRound(storage, stage, round, base, OPTIONS);
const run = async (message: GpuTaskMessage) => {
  expect(await runGpuTask(message, running.context)).toBe('done');
  const update = await updateOf(storage, message);
  if (update.status !== 'ok') throw new Error(update.reason);
  return update;
};
/** Trains a round and commits its only update. */
async function train(round: number, base: Open['base']) {
  const message = await open(round, base);
  const update = await run(message);
  return { update, base: await commitUpdateOf(storage, message) };
}

describe('a stage that validates', () => {
  test('scores nothing in its first round, and then the model that each round starts from', async () => {
    const first = await train(1, null);
    const second = await train(2, first.base);

    expect(first.update.validation).toBeUndefined();
    expect(second.update.validation).toEqual({ loss: expect.any(Number), cases: 2 });
    expect(second.update.weights).not.toBeNull();
    expect(second.update.samples).toBe(3);
  });

  test('trains nothing in its last round, and scores the last model', async () => {
    const { base } = await train(2, (await train(1, null)).base);

    const last = await run(await open(3, base));

    expect(last).toMatchObject({ weights: null, samples: 2, validation: { cases: 2 }, figures: {} });
  });

  test('answers the last round also without a validation case', async () => {
    storage = stores();
    running = await gpuTaskContext(storage);
    await uploadCase(storage, 'training', 'p1', true);
    const { base } = await train(2, (await train(1, null)).base);

    const last = await run(await open(3, base));

    expect(last).toMatchObject({ weights: null, samples: 1 });
    expect(last.validation).toBeUndefined();
  });

  test('trains the same weights as without validation of its models', async () => {
    const scored = await train(2, (await train(1, null)).base);
    storage = stores();
    running = await gpuTaskContext(storage);
    for (const id of ['p1', 'p2', 'p3', 'p4', 'p5']) await uploadCase(storage, 'training', id, true);
    const { validate: _, ...options } = OPTIONS;
    const message = await openRound(storage, 'teacher', 1, null, options);
    await run(message);
    const base = await commitUpdateOf(storage, message);

    const plain = await run(await openRound(storage, 'teacher', 2, base, options));

    expect(plain.weights?.sha256).toBe(scored.update.weights?.sha256);
  });

  test('leaves the model of its last round to later stages', async () => {
    const first = await train(1, null);
    await train(2, first.base);
    const { key, sha256, bytes } = first.base as NonNullable<Open['base']>;
    const at = { campaign: 'aortic', stage: 'teacher', round: 3 };
    const merged = { schema: 'fedcardio.merged/1' as const, ...at, global: { key, sha256, bytes } };
    await createJson(storage.federationStore, federationKeys.merged(at), mergedSchema, merged);

    await run(await open(1, null, 'evaluate'));

    expect(running.read).toContain(key);
  });
});
