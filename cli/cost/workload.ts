import type { Campaign, ModelConfig } from '../../lib/federation/schemas.ts';
import { parametersOf } from '../../lib/models/initial-weights.ts';
import { parameterGroup } from '../../lib/models/parameters.ts';
import { type LearningStage, learns, modelOf, tasksOf } from '../../lib/protocol/plan.ts';

/** What is assumed of sites and machines. */
export interface Assumptions {
  /** Of each site; half of them labelled. */
  readonly casesPerSite: number;
  readonly caseMegabytes: number;
  /** Side of what is imaged, mm: decides on how many windows a prediction takes. */
  readonly fieldOfViewMm: number;
  /** From the start of an instance to the first step, which is paid for too. */
  readonly startSeconds: number;
  /** How many times as fast as two processor cores the instance trains. */
  readonly gpuRatio: number;
}

export const ASSUMPTIONS: Assumptions = {
  casesPerSite: 100,
  caseMegabytes: 100,
  fieldOfViewMm: 250,
  startSeconds: 300,
  gpuRatio: 40,
};

/**
 * `npm run bench -- train`: steps per second of the native backend on two cores, of networks whose first stage has
 * eight features, on one patch of 32³.
 */
export const BENCH = {
  stepsPerSecond: { unet: 12.3, 'swin-unetr': 5.58 },
  features: 8,
  voxels: 32 ** 3,
} as const;

/** What one site does and sends in one stage. */
export interface StageWork {
  readonly stage: string;
  /** One task each. */
  readonly rounds: number;
  /** Of computing alone. */
  readonly gpuSeconds: number;
  /** Of one file of weights; 0 where the stage sends none. */
  readonly modelBytes: number;
  /** Cases read by each task. */
  readonly cases: number;
}

export function workOf(campaign: Campaign, assumptions: Assumptions): readonly StageWork[] {
  const learning = new Map(campaign.stages.flatMap((stage) => (learns(stage) ? [[stage.name, stage] as const] : [])));
  return campaign.stages.map((stage): StageWork => {
    const { name } = stage;
    const { casesPerSite } = assumptions;
    const half = Math.ceil(casesPerSite / 2);
    if (learns(stage)) {
      // A probe goes back through its head alone.
      const share = stage.kind === 'probe' ? FORWARD_SHARE : 1;
      const model = modelOf(campaign, stage);
      const gpuSeconds = share * stage.rounds * stage.training.steps * secondsPerStep(model, stage, assumptions);
      return {
        stage: name,
        rounds: stage.rounds,
        gpuSeconds,
        modelBytes: modelBytes(model, stage),
        cases: casesPerSite,
      };
    }
    const models = stage.kind === 'pseudo-label' ? stage.teachers : Object.values(stage.models);
    const seconds = models.reduce((sum, model) => {
      const of = learning.get(model);
      return of ? sum + predictionSeconds(modelOf(campaign, of), of, assumptions) : sum;
    }, 0);
    return { stage: name, rounds: 1, gpuSeconds: half * seconds, modelBytes: 0, cases: half };
  });
}

/**
 * The bench's step, scaled by voxels and by the square of the first stage's features, as the multiplications of the
 * convolutions at full resolution are (27·w² a voxel), which deeper stages add the same share to.
 */
function secondsPerStep(model: ModelConfig, { training }: LearningStage, { gpuRatio }: Assumptions): number {
  const voxels = training.batch * training.patch ** 3;
  const work = (voxels / BENCH.voxels) * (featuresOf(model) / BENCH.features) ** 2;
  return work / (BENCH.stepsPerSecond[model.kind] * gpuRatio);
}

/** Of a step, what is forward. */
const FORWARD_SHARE = 1 / 3;

/** Windows that overlap by half, forward alone. */
function predictionSeconds(model: ModelConfig, stage: LearningStage, assumptions: Assumptions): number {
  const { patch, spacing, batch } = stage.training;
  const perAxis = Math.max(1, Math.ceil(assumptions.fieldOfViewMm / spacing / (patch / 2)) - 1);
  return (FORWARD_SHARE * perAxis ** 3 * secondsPerStep(model, stage, assumptions)) / batch;
}

const featuresOf = (model: ModelConfig): number =>
  model.kind === 'unet' ? (model.features[0] as number) : model.featureSize;

/** Of what is sent: of a probe, its head. */
function modelBytes(model: ModelConfig, stage: LearningStage): number {
  const parameters = parametersOf(model, tasksOf(stage));
  const sent = stage.kind === 'probe' ? parameters.filter(({ name }) => parameterGroup(name) !== 'body') : parameters;
  const values = sent.reduce((sum, { shape }) => sum + shape.reduce((product, side) => product * side, 1), 0);
  return values * (stage.encoding.dtype === 'F32' ? 4 : 2);
}
