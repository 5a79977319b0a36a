import { beforeAll, describe, expect, test } from 'vitest';
import { loadBackend } from '../lib/nn/backend.ts';
import { tf } from '../lib/nn/tf.ts';
import type { Stores } from '../lib/storage/contract.ts';
import { runGpuTask } from './run-gpu-task.ts';
import { commitUpdateOf, gpuTaskContext, openRound, stores, updateOf, uploadCase } from './testing.ts';

let exhausted: unknown;
beforeAll(async () => {
  await loadBackend('native');
  try {
    // More than any address space holds, so that nothing is taken.
    tf.fill([2 ** 29, 2 ** 29], 1);
  } catch (error) {
    exhausted = error;
  }
});

/** A GPU task that fails like this as soon as it reads a CT, which a case must not answer for. */
async function failingWith(error: unknown, stage: string) {
  const storage: Stores = stores();
  await uploadCase(storage, 'training', 'patient-1', true);
  const { context, logged } = await gpuTaskContext(storage);
  const first = await openRound(storage, 'teacher', 1, null, { rounds: 1 });
  if (stage !== 'teacher') {
    await runGpuTask(first, context);
    await commitUpdateOf(storage, first);
    await uploadCase(storage, 'training', 'patient-2', false);
    await uploadCase(storage, 'evaluation', 'patient-3', true);
  }
  const message = stage === 'teacher' ? first : await openRound(storage, stage, 1);
  const cache = {
    ...context.cache,
    get: async <T>(key: string, load: () => Promise<{ readonly value: T; readonly bytes: number }>): Promise<T> => {
      if (key.includes('image.nii.gz')) throw error;
      return (await load()).value;
    },
  };
  const outcome = runGpuTask(message, { ...context, cache });
  return { outcome, update: () => updateOf(storage, message), logged };
}

describe('a GPU task without memory', () => {
  test.each([
    ['teacher', 'as the tensor library says it', () => exhausted],
    ['label', 'as the tensor library says it', () => exhausted],
    ['evaluate', 'as the tensor library says it', () => exhausted],
    [
      'label',
      'by the message of a GPU',
      () =>
        new Error(
          'Invalid TF_Status: 8\nMessage: OOM when allocating tensor with shape[1,32,96,96,96] and type float on /job:localhost/replica:0/task:0/device:GPU:0 by allocator GPU_0_bfc',
        ),
    ],
  ])('fails for good in stage %s, %s', async (stage, _, error) => {
    const { outcome, update, logged } = await failingWith(error(), stage);

    expect(await outcome).toBe('failed');

    const { reason, ...rest } = (await update()) as { readonly reason: string };
    expect(rest).toMatchObject({ status: 'failed', code: 'BAD_CONFIGURATION' });
    expect(reason).toMatch(/^berlin has too little memory for stage .*smaller patches/);
    // What was allocated can tell of a case's size.
    expect(reason).not.toContain('shape');
    expect(logged.filter((line) => line.includes('"out-of-memory"'))).toEqual([expect.stringContaining('shape[')]);
  });

  test('is retried after any other error of the tensor library', async () => {
    const { outcome } = await failingWith(new Error('Invalid TF_Status: 13\nMessage: CUDA error'), 'teacher');

    await expect(outcome).rejects.toThrow('CUDA error');
  });
});
