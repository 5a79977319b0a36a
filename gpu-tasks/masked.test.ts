import { expect, test } from 'vitest';
import { FAILED_ID, federationKeys } from '../lib/federation/keys.ts';
import { updateSchema } from '../lib/federation/schemas.ts';
import { readJson } from '../lib/storage/documents.ts';
import { runGpuTask } from './run-gpu-task.ts';
import { gpuTaskContext, openRound, SITE, stores, uploadCase } from './testing.ts';

/** A plan that asks for masks, and a coordinator that asks for an update of a round all the same. */
async function asked() {
  const storage = stores();
  const { context } = await gpuTaskContext(storage);
  await uploadCase(storage, 'training', 'patient-1', true);
  const message = await openRound(storage, 'teacher', 1, null, { privacy: { secureAggregation: { range: 1 } } });
  const failure = async () => {
    const failed = federationKeys.update({ campaign: 'aortic', stage: 'teacher', round: 1 }, SITE, FAILED_ID);
    return (await readJson(storage.federationStore, failed, updateSchema)).value;
  };
  return { context, message, failure };
}

test('a site sends no plain weights if the plan asks for masks', async () => {
  const { context, message, failure } = await asked();

  expect(await runGpuTask(message, context)).toBe('failed');
  expect(await failure()).toMatchObject({
    code: 'BAD_CONFIGURATION',
    reason: expect.stringContaining('plain weights where it has secure aggregation'),
  });
});

test('a site sends nothing to a cohort that it is not in', async () => {
  const { context, message, failure } = await asked();
  const secure = { cohort: '0'.repeat(64), attempt: 1, threshold: 3 };

  expect(await runGpuTask({ ...message, schema: 'fedcardio.task/2', secure }, context)).toBe('failed');
  expect(await failure()).toMatchObject({
    code: 'BAD_CONFIGURATION',
    reason: expect.stringContaining('no keys in the cohort'),
  });
});
