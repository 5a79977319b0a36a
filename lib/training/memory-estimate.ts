import type { ModelConfig, SwinUnetrConfig, TrainingConfig, UNetConfig } from '../federation/schemas.ts';
import { channelsOf, type TaskId } from '../federation/tasks.ts';
import { parametersOf } from '../models/initial-weights.ts';
import { supervisedScales } from '../models/unet-parameters.ts';
import { elementsOf } from '../weights/weights.ts';

/** Of the libraries' own heaps once they have worked, bytes. */
const WORKING = 90e6;
/** Bytes of a float. */
const FLOAT = 4;
/** Copies of all parameters beside the layers: themselves, moments, gradients and what is made of these. */
const KEPT = 7;
/** And in the optimiser's step, at most, which comes when the layers have gone. */
const COPIES = 18;
/** What is held at the peak of the backward pass of each value that the layers leave. */
const HELD = 0.9;
/** And of a body that is not trained: of a few layers at a time. See training.test.ts of the models. */
const HELD_FROZEN = HELD / 3;
/** And of the scores of the largest attention, which a block computes again when it is gone back through. */
const SCORES_HELD = 0.5;

/**
 * Memory that training takes on a CPU beyond what the process holds before it, bytes. Every layer's values are kept for
 * the backward pass, so that it grows with the voxels of a batch; `accumulate` adds nothing. Counted from the layers, with
 * factors fitted to measured peaks of native TensorFlow; within 30 %.
 *
 * @param frozen whether the heads alone are trained: then this is what it takes at most
 */
export function trainingBytes(
  model: ModelConfig,
  { patch, batch }: Pick<TrainingConfig, 'patch' | 'batch'>,
  tasks: readonly TaskId[],
  frozen = false,
): number {
  const parameters = parametersOf(model, tasks).reduce((sum, { shape }) => sum + elementsOf(shape), 0);
  const classes = tasks.reduce((sum, task) => sum + channelsOf(task), 0);
  const layers = model.kind === 'unet' ? unetLayers(model, patch, classes) : swinLayers(model, patch, classes);
  const scores = model.kind === 'unet' ? 0 : largestScores(model, patch);
  const held = batch * ((frozen ? HELD_FROZEN : HELD) * layers + SCORES_HELD * scores);
  return WORKING + FLOAT * Math.max(held + KEPT * parameters, COPIES * parameters);
}

/** Values by class that a head and its loss leave in every voxel. */
const HEAD_VALUES = 10;

/** Two layers of convolution, norm and activation a stage, padded where the grid is halved; upsampled in three steps. */
function unetLayers({ features, ...config }: UNetConfig, patch: number, classes: number): number {
  const voxels = (stage: number) => (patch / 2 ** stage) ** 3;
  const body = features.reduce((sum, width, stage) => {
    const deepest = stage === features.length - 1;
    return sum + (deepest ? 6 : 6 + 1 + 11) * width * voxels(stage);
  }, 0);
  const scales = Array.from({ length: supervisedScales({ features, ...config }) }, (_, scale) => voxels(scale));
  return body + HEAD_VALUES * classes * scales.reduce((sum, count) => sum + count, 0);
}

/** A transformer's block leaves 20 values a token and 13 a token of its filled-up windows, by width. */
function swinLayers({ featureSize, depths, window }: SwinUnetrConfig, patch: number, classes: number): number {
  const blocks = depths.reduce((sum, depth, stage) => {
    const { tokens, padded } = windowsOf(patch, stage, window);
    return sum + depth * featureSize * 2 ** stage * (20 * tokens + 13 * padded);
  }, 0);
  // Encoder and decoder blocks of three convolutions, with norms, short cuts and sums.
  const convolutions = [0, ...depths.keys()].reduce((sum, width, level) => {
    return sum + 23 * featureSize * 2 ** width * (patch / 2 ** level) ** 3;
  }, 0);
  return blocks + convolutions + HEAD_VALUES * classes * patch ** 3;
}

/** Scores of every pair of tokens in a window, of the stage that has most of them. */
function largestScores({ depths, heads, window }: SwinUnetrConfig, patch: number): number {
  const scores = depths.map((_, stage) => {
    const { padded, each } = windowsOf(patch, stage, window);
    return padded * each * (heads[stage] as number);
  });
  return Math.max(...scores);
}

function windowsOf(patch: number, stage: number, window: number) {
  const side = patch / 2 ** (stage + 1);
  const size = Math.min(side, window);
  return { tokens: side ** 3, padded: (Math.ceil(side / size) * size) ** 3, each: size ** 3 };
}
