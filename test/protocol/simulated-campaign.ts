import type { z } from 'zod';
import type { CampaignInput, quorumSchema } from '../../lib/federation/schemas.ts';
import { decodeSafetensors, encodeSafetensors } from '../../lib/weights/safetensors.ts';

/** Two of three sites are a quorum; the third has 15 more minutes. */
export const QUORUM = { minFraction: 0.6, deadlineSeconds: 86_400, closeAfterQuorumSeconds: 900 };

type QuorumInput = z.input<typeof quorumSchema>;

const learntWith = (quorum: QuorumInput) => ({
  model: { kind: 'unet' as const, features: [4, 8] },
  training: { steps: 1, learningRate: 0.001 },
  // Simulated sites send values that lie far apart: clipped, they would not merge to a plain mean.
  aggregation: { strategy: 'fedavg' as const, clipFactor: null, shareFactor: null },
  quorum,
});
const task = 'hinge-points' as const;

/** Three rounds: two that train, the second from the first, and one that only evaluates. */
export const smallCampaignWith = (quorum: QuorumInput): CampaignInput => ({
  schema: 'fedcardio.campaign/1',
  id: 'tavi',
  stages: [
    { kind: 'teacher', name: 'teacher', task, rounds: 2, ...learntWith(quorum) },
    { kind: 'evaluate', name: 'evaluate', models: { teacher: 'teacher' }, quorum },
  ],
});

/** A stage that validates and may stop after any of three rounds, and one that evaluates the model that it keeps. */
export const validatedCampaignWith = (quorum: QuorumInput): CampaignInput => ({
  schema: 'fedcardio.campaign/1',
  id: 'tavi',
  validation: { share: 0.2 },
  stages: [
    { kind: 'teacher', name: 'teacher', task, rounds: 3, validate: { patience: 1 }, ...learntWith(quorum) },
    { kind: 'evaluate', name: 'evaluate', models: { teacher: 'teacher' }, quorum },
  ],
});

/** What a late update's samples are multiplied with in {@link lateCampaignWith}. */
export const LATE_FACTOR = 0.5;

/** A stage of three rounds that merges late updates. */
export function lateCampaignWith(quorum: QuorumInput): CampaignInput {
  const { aggregation, ...learnt } = learntWith(quorum);
  return {
    schema: 'fedcardio.campaign/1',
    id: 'tavi',
    stages: [
      {
        kind: 'teacher',
        name: 'teacher',
        task,
        rounds: 3,
        ...learnt,
        aggregation: { ...aggregation, lateFactor: LATE_FACTOR },
      },
    ],
  };
}

/** A stage whose updates are added up masked. */
export const maskedCampaignWith = (quorum: QuorumInput, rounds: number): CampaignInput => ({
  schema: 'fedcardio.campaign/1',
  id: 'tavi',
  privacy: { secureAggregation: {} },
  stages: [
    {
      kind: 'teacher',
      name: 'teacher',
      task,
      rounds,
      model: { kind: 'unet', features: [2, 4] },
      training: { steps: 1, learningRate: 0.001 },
      quorum,
    },
  ],
});

/** Stages of several kinds, all with the same quorum. */
export function campaignWith(quorum: QuorumInput): CampaignInput {
  const learnt = learntWith(quorum);
  return {
    schema: 'fedcardio.campaign/1',
    id: 'tavi',
    stages: [
      { kind: 'teacher', name: 'teacher/hinge-points', task, rounds: 2, ...learnt },
      { kind: 'pseudo-label', name: 'label', teachers: ['teacher/hinge-points'], quorum },
      { kind: 'student', name: 'student', tasks: [task], pseudoLabels: 'label', rounds: 2, ...learnt },
      { kind: 'student', name: 'control', tasks: [task], rounds: 1, ...learnt },
      { kind: 'evaluate', name: 'evaluate', models: { student: 'student', control: 'control' }, quorum },
    ],
  };
}

/** Weighted mean of weight files in its simplest form, independent of the product's merge. */
export function plainMean(models: readonly { readonly samples: number; readonly file: Uint8Array }[]): Uint8Array {
  const total = models.reduce((sum, { samples }) => sum + samples, 0);
  const values = models.map(({ samples, file }) => ({ samples, w: decodeSafetensors(file).get('w')?.data ?? [] }));
  const data = new Float32Array(3).map(
    (_, i) => values.reduce((sum, { samples, w }) => sum + samples * Number(w[i]), 0) / total,
  );
  return encodeSafetensors(new Map([['w', { dtype: 'F32', shape: [3], data }]]));
}
