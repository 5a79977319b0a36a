import { expect, test } from 'vitest';
import { memoryLimit } from './memory-limit.ts';
import { runGpuTask } from './run-gpu-task.ts';
import { gpuTaskContext, openRound, stores, updateOf, uploadCase } from './testing.ts';

/** Runs a task of little more than the process itself, on a machine of so many bytes. */
async function runWithin(limit: number | undefined) {
  const storage = stores();
  await uploadCase(storage, 'training', 'patient-1', true);
  const message = await openRound(storage, 'teacher', 1);
  const { context, logged } = await gpuTaskContext(storage);
  const outcome = await runGpuTask(message, { ...context, memoryLimit: limit });
  return { outcome, update: await updateOf(storage, message), logged };
}

test('a task says what memory it will take', async () => {
  const { outcome, logged } = await runWithin(memoryLimit());
  expect(outcome).toBe('done');
  expect(logged[0]).toMatch(/^\{"event":"memory","estimatedPeak":"\d\.\d GiB","limit":"\d+\.\d GiB"\}$/);
});

test('where there is a little less, it warns and tries; where there is far less, it answers so', async () => {
  const rss = process.memoryUsage.rss();
  const short = await runWithin(rss);
  expect(short.outcome).toBe('done');
  expect(short.logged[1]).toContain('"event":"memory-short"');

  const far = await runWithin(rss / 4);
  expect(far.outcome).toBe('failed');
  expect(far.update).toMatchObject({
    status: 'failed',
    code: 'BAD_CONFIGURATION',
    reason: expect.stringMatching(/^berlin has .* memory .* smaller patches/),
  });
});

test('a GPU has memory of its own: the machine says nothing about it', async () => {
  const { outcome, logged } = await runWithin(undefined);
  expect(outcome).toBe('done');
  expect(logged[0]).not.toContain('limit');
});
