import { describe, expect, test } from 'vitest';
import { campaignSchema } from '../federation/schemas.ts';
import { DEFAULT_TASKS } from '../federation/tasks.ts';
import { TEACHER_STAGE } from '../federation/testing.ts';
import { checkCampaign } from './check-campaign.ts';
import { planCampaign } from './plan.ts';

const NOW = new Date('2026-03-02T08:00:00.000Z');
const training = { steps: 1, learningRate: 0.001 };
const UNET = { kind: 'unet', features: [8, 16, 32] };
const SWIN = { kind: 'swin-unetr', featureSize: 12 };

const teacher = (model: object, change: object = {}) => ({
  name: 'teacher',
  model,
  training: { ...training, ...change },
});
const student = (model: object, change: object = {}) => ({
  kind: 'student',
  name: 'student',
  tasks: ['hinge-points'],
  rounds: 1,
  model,
  training: { ...training, ...change },
});
const probe = (change: object) => ({
  kind: 'probe',
  name: 'probe',
  of: 'teacher',
  task: 'coronary-arteries',
  rounds: 1,
  training: { ...training, ...change },
});
/** Stages with the fields that their kind has. */
const stagesOf = (stages: readonly object[]) =>
  campaignSchema.parse({
    schema: 'fedcardio.campaign/1',
    id: 'tavi',
    stages: stages.map((stage) => ('kind' in stage ? stage : { ...TEACHER_STAGE, ...stage })),
  });

const errorsOf = (...stages: object[]) =>
  checkCampaign(stagesOf(stages), { tasks: DEFAULT_TASKS }, NOW).findings.flatMap(({ level, text }) =>
    level === 'error' ? [text] : [],
  );

describe('a network that no site could run is refused when planned', () => {
  test.each<readonly [string, readonly object[], string]>([
    [
      'a patch that the stages of a UNet do not divide',
      [teacher(UNET, { patch: 30 })],
      'Stage teacher, training.patch: patches of 30 voxels do not fit its network, which needs a multiple of 4. Choose 28 or 32, or fewer stages.',
    ],
    [
      'a patch that is smaller than any that fits',
      [teacher(UNET, { patch: 3 })],
      'Stage teacher, training.patch: patches of 3 voxels do not fit its network, which needs a multiple of 4. Choose 4, or fewer stages.',
    ],
    [
      'a patch that the four stages of a Swin UNETR do not divide',
      [teacher(SWIN, { patch: 48 })],
      'Stage teacher, training.patch: patches of 48 voxels do not fit its network, which needs a multiple of 32. Choose 32 or 64, or fewer stages.',
    ],
    [
      'attention heads that do not divide the features',
      [teacher({ ...SWIN, depths: [2, 2], heads: [5, 6] })],
      'Stage teacher, model.heads: 5 attention heads do not divide the 12 features of stage 1.',
    ],
    [
      'attention heads of other stages than there are',
      [teacher({ ...SWIN, depths: [2, 2] })],
      'Stage teacher, model.heads: the Swin UNETR has 2 stages but attention heads for 4.',
    ],
    [
      'local parameters that are none of the network',
      [teacher(UNET, { localParameters: ['nothing*'] })],
      'Stage teacher, training.localParameters: no parameter matches "nothing*".',
    ],
    [
      'local parameters that leave nothing to merge',
      [teacher(UNET, { localParameters: ['*'] })],
      'Stage teacher, training.localParameters: "*" match every parameter',
    ],
    [
      'local parameters and heads that together leave nothing to merge',
      [teacher(UNET, { localParameters: ['encoder*', 'decoder*'], algorithm: { name: 'fedper' } })],
      'Stage teacher, training.localParameters: "encoder*", "decoder*" match every parameter',
    ],
    [
      "a probe's patch that does not fit the network that it probes",
      [teacher(UNET), probe({ patch: 30 })],
      'Stage probe, training.patch: patches of 30 voxels do not fit the network of teacher, which needs a multiple of 4.',
    ],
    [
      'a probe with local parameters, which its evaluation would look for in the body',
      [teacher(UNET), probe({ localParameters: ['*norm*'] })],
      'Stage probe, training.localParameters: a probe trains new heads alone, and sends them.',
    ],
  ])('%s', (_, stages, text) => {
    expect(errorsOf(...stages)).toEqual([expect.stringContaining(text)]);
  });

  test('with every fault of every stage at once', () => {
    const faulty = [
      teacher({ ...SWIN, heads: [5, 6, 12, 24] }, { patch: 48, localParameters: ['x'] }),
      student(UNET, { patch: 30 }),
    ];

    const [error, ...others] = errorsOf(...faulty);

    expect(others).toEqual([]);
    for (const field of [
      'Stage teacher, model.heads:',
      'Stage teacher, training.patch:',
      'Stage teacher, training.localParameters:',
      'Stage student, training.patch:',
    ])
      expect(error).toContain(field);
  });

  test('and one that they can run is planned', () => {
    const stages = [
      teacher(UNET, { patch: 28 }),
      student({ ...SWIN, depths: [2, 2], heads: [3, 6] }, { patch: 48, localParameters: ['*norm*'] }),
      probe({ patch: 32 }),
    ];

    expect(errorsOf(...stages)).toEqual([]);
    expect(() => planCampaign('tavi', { value: stagesOf(stages), sha256: '' }, NOW)).not.toThrow();
  });
});
