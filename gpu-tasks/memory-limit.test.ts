import { expect, test } from 'vitest';
import { memoryLimit } from './memory-limit.ts';
import { runGpuTask } from './run-gpu-task.ts';
import { gpuTaskContext, openRound, stores, updateOf, uploadCase } from './testing.ts';

/** Runs a training that needs little more memory than the process itself, with a limit in bytes. */
async function runWithin(limit: number | undefined) {
  const storage = stores();
  await uploadCase(storage, 'training', 'patient-1', true);
  const message = await openRound(storage, 'teacher', 1);
  const { context, logged } = await gpuTaskContext(storage);
  const outcome = await runGpuTask(message, { ...context, memoryLimit: limit });
  return { outcome, update: await updateOf(storage, message), logged };
}

test('logs the estimated peak and the limit', async () => {
  const { outcome, logged } = await runWithin(memoryLimit());
  expect(outcome).toBe('done');
  expect(logged[0]).toMatch(/^\{"event":"memory","estimatedPeak":"\d\.\d GiB","limit":"\d+\.\d GiB"\}$/);
});

test('warns if the estimate is slightly above the limit, and fails if it is far above', async () => {
  const rss = process.memoryUsage.rss();
  const short = await runWithin(rss);
  expect(short.outcome).toBe('done');
  expect(short.logged[1]).toContain('"event":"memory-short"');

  const tooLittle = await runWithin(rss / 4);
  expect(tooLittle.outcome).toBe('failed');
  expect(tooLittle.update).toMatchObject({
    status: 'failed',
    code: 'BAD_CONFIGURATION',
    reason: expect.stringMatching(/^berlin has .* memory, .* smaller patches/),
  });
});

test('logs no limit for a GPU, which has its own memory', async () => {
  const { outcome, logged } = await runWithin(undefined);
  expect(outcome).toBe('done');
  expect(logged[0]).not.toContain('limit');
});
