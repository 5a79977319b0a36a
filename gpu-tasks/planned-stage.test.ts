import { describe, expect, test } from 'vitest';
import { FAILED_ID, federationKeys } from '../lib/federation/keys.ts';
import { type GpuTaskMessage, updateSchema } from '../lib/federation/schemas.ts';
import { readJson } from '../lib/storage/documents.ts';
import { runGpuTask } from './run-gpu-task.ts';
import { gpuTaskContext, openRound, SITE, stores, type TeacherOptions, uploadCase } from './testing.ts';

/** What a site answers to a message of a dishonest coordinator, which says something else than the plan. */
async function answerTo(
  stage: string,
  change: (message: GpuTaskMessage, teacher: GpuTaskMessage) => Partial<GpuTaskMessage>,
  options: TeacherOptions = {},
) {
  const storage = stores();
  const { context } = await gpuTaskContext(storage);
  await uploadCase(storage, 'training', 'patient-1', true);
  const teacher = await openRound(storage, 'teacher', 1, null, options);
  const message = await openRound(storage, stage, 1, null, options);
  const asked = { ...message, ...change(message, teacher) };
  expect(await runGpuTask(asked, context)).toBe('failed');
  const key = federationKeys.update(asked, SITE, FAILED_ID);
  const sent = [];
  for await (const object of storage.federationStore.list(federationKeys.siteUpdates(asked, SITE)))
    sent.push(object.key);
  expect(sent).toEqual([key]);
  return (await readJson(storage.federationStore, key, updateSchema)).value;
}

const training = (message: GpuTaskMessage) => (message.config as { training: object }).training;

describe('a site that agreed to a plan does no other work', () => {
  test.each<[string, string, Parameters<typeof answerTo>[1], string]>([
    [
      'the configuration of another stage',
      'evaluate',
      (_, { config }) => ({ config }),
      'configuration of stage evaluate',
    ],
    [
      'more steps',
      'teacher',
      (message) => ({ config: { ...message.config, training: { ...training(message), steps: 3 } } as never }),
      'another configuration of stage teacher',
    ],
    ['another seed', 'teacher', () => ({ seed: 2 }), 'seed 2 instead of 1'],
    ['a round after the last', 'teacher', () => ({ round: 3 }), 'round 3 of 2'],
    ['a stage that is not in the plan', 'teacher', () => ({ stage: 'student' }), 'a stage "student"'],
  ])('%s', async (_, stage, change, reason) => {
    expect(await answerTo(stage, change)).toMatchObject({
      code: 'BAD_CONFIGURATION',
      reason: expect.stringContaining(reason),
    });
  });

  test('a stage for other sites', async () => {
    const label = { kind: 'pseudo-label' as const, name: 'elsewhere', teachers: ['teacher'], sites: ['bonn'] };
    const update = await answerTo('elsewhere', () => ({}), { more: [label] });

    expect(update).toMatchObject({ reason: expect.stringContaining('which is for others') });
  });

  test('plain weights by the name of a stage that has none, where the plan has masks', async () => {
    const masked = { privacy: { secureAggregation: { range: 1 } } };
    const update = await answerTo('evaluate', (_, { config }) => ({ config }), masked);

    expect(update).toMatchObject({ status: 'failed', code: 'BAD_CONFIGURATION' });
  });
});
