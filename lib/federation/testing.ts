import type { FederationKey } from './keys.ts';
import type { Consent, GpuTaskMessage } from './schemas.ts';
import { teacher } from './stages/teacher.ts';

/** A key of the federation bucket that no rule makes. */
export const keyOf = (key: string): FederationKey => key as FederationKey;

/** The smallest stage that trains a network. */
export const TEACHER_STAGE = teacher.schema.parse({
  kind: 'teacher',
  name: 'teacher/hinge-points',
  task: 'hinge-points',
  rounds: 1,
  model: { kind: 'unet', features: [4, 8] },
  training: { steps: 1, learningRate: 0.001 },
});

/** A GPU task message of a first round, with the given fields replaced. */
export const gpuTaskMessage = (fields: Partial<GpuTaskMessage>): GpuTaskMessage => ({
  schema: 'fedcardio.task/1',
  federation: 'heart',
  site: 'berlin',
  campaign: 'tavi',
  stage: TEACHER_STAGE.name,
  round: 1,
  at: '2026-03-02T08:00:00.000Z',
  deadline: '2026-03-03T08:00:00.000Z',
  config: TEACHER_STAGE,
  seed: 0,
  base: null,
  resent: false,
  ...fields,
});

/** A site's consent to the campaign of {@link gpuTaskMessage}, with the given fields replaced. */
export const consentDocument = (fields: Partial<Consent> = {}): Consent => ({
  schema: 'fedcardio.consent/1',
  site: 'berlin',
  campaign: 'tavi',
  plan: '0'.repeat(64),
  state: 'agreed',
  at: '2026-03-02T08:00:00.000Z',
  by: 'Data protection officer',
  terms: { purpose: null, stages: [], privacy: null },
  limits: { scores: 'aggregates', figures: true, minimumCases: 5 },
  until: null,
  ...fields,
});
