import type { Campaign, ModelConfig } from '../../lib/federation/schemas.ts';
import type { Task } from '../../lib/federation/tasks.ts';
import { sentLayout } from '../../lib/protocol/network-layout.ts';
import { type LearningStage, learns, modelOf, roundsOf, tasksOf } from '../../lib/protocol/plan.ts';
import { stepsOfRound } from '../../lib/training/schedule.ts';
import { elementsOf } from '../../lib/weights/weights.ts';

/** Assumptions about sites and machines. */
export interface Assumptions {
  /** Cases of each site, half of them labelled. */
  readonly casesPerSite: number;
  readonly caseMegabytes: number;
  /** Side of the imaged volume, mm. It determines the number of windows of a prediction. */
  readonly fieldOfViewMm: number;
  /** Seconds from the start of an instance to the first step, which are billed too. */
  readonly startSeconds: number;
  /** Training speed of the instance, relative to two processor cores. */
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
 * Steps per second of the native backend on two cores, for networks with eight features in the first stage, on one patch
 * of 32³ (`npm run bench -- train`).
 */
export const BENCH = {
  stepsPerSecond: { unet: 12.3, 'swin-unetr': 5.58 },
  features: 8,
  voxels: 32 ** 3,
} as const;

/** The work of one site in one stage. */
export interface StageWork {
  readonly stage: string;
  /** Each has one GPU task. */
  readonly rounds: number;
  /** Computing only, without start-up. */
  readonly gpuSeconds: number;
  /** Size of one file of weights; 0 for a stage that sends none. */
  readonly modelBytes: number;
  /** Cases that each GPU task reads. */
  readonly cases: number;
}

export function workOf(campaign: Campaign, tasks: readonly Task[], assumptions: Assumptions): readonly StageWork[] {
  const learning = new Map(campaign.stages.flatMap((stage) => (learns(stage) ? [[stage.name, stage] as const] : [])));
  return campaign.stages.map((stage): StageWork => {
    const { name } = stage;
    const { casesPerSite } = assumptions;
    const half = Math.ceil(casesPerSite / 2);
    if (learns(stage)) {
      // The backward pass of a probe covers its head only.
      const share = stage.kind === 'probe' ? FORWARD_SHARE : 1;
      const model = modelOf(campaign, stage);
      const gpuSeconds =
        share * stage.rounds * stepsOfRound(stage.training) * secondsPerStep(model, stage, assumptions);
      return {
        stage: name,
        rounds: roundsOf(stage),
        gpuSeconds,
        modelBytes: modelBytes(model, stage, tasks),
        cases: casesPerSite,
      };
    }
    const models = (stage.kind === 'pseudo-label' ? stage.teachers : Object.values(stage.models)).flat();
    const seconds = models.reduce((sum, model) => {
      const of = learning.get(model);
      return of ? sum + predictionSeconds(modelOf(campaign, of), of, assumptions, stage.overlap) : sum;
    }, 0);
    return { stage: name, rounds: 1, gpuSeconds: half * seconds, modelBytes: 0, cases: half };
  });
}

/**
 * The benchmark's step, scaled with the voxels and with the square of the first stage's features: a convolution at full
 * resolution has 27·w² multiplications per voxel, and deeper stages add a constant share.
 */
function secondsPerStep(model: ModelConfig, { training }: LearningStage, { gpuRatio }: Assumptions): number {
  const voxels = training.batch * training.patch ** 3;
  const work = (voxels / BENCH.voxels) * (featuresOf(model) / BENCH.features) ** 2;
  return work / (BENCH.stepsPerSecond[model.kind] * gpuRatio);
}

/** Share of the forward pass in a training step. */
const FORWARD_SHARE = 1 / 3;

/** Seconds of a prediction: forward passes over windows that overlap. */
function predictionSeconds(model: ModelConfig, stage: LearningStage, assumptions: Assumptions, overlap = 0.5): number {
  const { patch, spacing, batch } = stage.training;
  const beyond = Math.max(0, assumptions.fieldOfViewMm / spacing - patch);
  const perAxis = 1 + Math.ceil(beyond / Math.max(1, patch * (1 - overlap)));
  return (FORWARD_SHARE * perAxis ** 3 * secondsPerStep(model, stage, assumptions)) / batch;
}

const featuresOf = (model: ModelConfig): number =>
  model.kind === 'unet' ? (model.features[0] as number) : model.featureSize;

/** Size of an update's weights: a probe sends its head only, and SCAFFOLD a control variate for each value. */
function modelBytes(model: ModelConfig, stage: LearningStage, tasks: readonly Task[]): number {
  const layout = sentLayout(model, stage, tasksOf({ tasks }, stage));
  const values = [...layout.values()].reduce((sum, { shape }) => sum + elementsOf(shape), 0);
  return values * (stage.encoding.dtype === 'F32' ? 4 : 2);
}
