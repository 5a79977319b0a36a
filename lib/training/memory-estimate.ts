import type { ModelConfig, SwinUnetrConfig, TrainingConfig, UNetConfig } from '../federation/schemas.ts';
import { channelsOf, type Task } from '../federation/tasks.ts';
import { parametersOf } from '../models/initial-weights.ts';
import { supervisedScales } from '../models/unet-parameters.ts';
import { elementsOf } from '../weights/weights.ts';

/** Heaps of the libraries once they have worked, bytes. */
const WORKING = 90e6;
/** Bytes of a float. */
const FLOAT = 4;
/** Copies of all parameters during the backward pass: values, moments, gradients and their temporaries. */
const KEPT = 7;
/** Copies of all parameters in the optimiser's step, at most. The layers' values have then been freed. */
const COPIES = 18;
/** Copies beyond these: SCAFFOLD's sums and corrections; Ditto's shared model and its moments, kept beside the personal one. */
const FURTHER_COPIES = { fedper: 0, scaffold: 3, ditto: 11 } as const;
/** Share of the layers' values that is held at the peak of the backward pass. */
const HELD = 0.9;
/** The same for a body that is not trained: a few layers at a time. See network-training.test.ts in lib/models. */
const HELD_FROZEN = HELD / 3;
/** Share of the largest attention's scores that is held: a block recomputes them in the backward pass. */
const SCORES_HELD = 0.5;

/**
 * Memory that training takes on a CPU beyond what the process holds before, bytes. Every layer's values are kept for
 * the backward pass, so that it grows with the voxels of a batch; `accumulate` adds nothing. The values are counted
 * from the layers, with factors fitted to measured peaks of native TensorFlow, to within 30 %.
 *
 * @param frozen whether only the heads are trained: the result is then an upper bound
 */
export function trainingBytes(
  model: ModelConfig,
  { patch, batch, algorithm }: Pick<TrainingConfig, 'patch' | 'batch' | 'algorithm'>,
  tasks: readonly Task[],
  frozen = false,
): number {
  const parameters = parametersOf(model, tasks).reduce((sum, { shape }) => sum + elementsOf(shape), 0);
  const classes = tasks.reduce((sum, task) => sum + channelsOf(task), 0);
  const layers = model.kind === 'unet' ? unetLayers(model, patch, classes) : swinLayers(model, patch, classes);
  const scores = model.kind === 'unet' ? 0 : largestScores(model, patch);
  const held = batch * ((frozen ? HELD_FROZEN : HELD) * layers + SCORES_HELD * scores);
  const further = algorithm ? FURTHER_COPIES[algorithm.name] : 0;
  return WORKING + FLOAT * (Math.max(held + KEPT * parameters, COPIES * parameters) + further * parameters);
}

/** Values per class that a head and its loss keep for every voxel. */
const HEAD_VALUES = 10;

/**
 * Per stage two layers of convolution, norm and activation, padded where the grid is halved, and three steps of
 * upsampling.
 */
function unetLayers({ features, ...config }: UNetConfig, patch: number, classes: number): number {
  const voxels = (stage: number) => (patch / 2 ** stage) ** 3;
  const body = features.reduce((sum, width, stage) => {
    const deepest = stage === features.length - 1;
    return sum + (deepest ? 6 : 6 + 1 + 11) * width * voxels(stage);
  }, 0);
  const scales = Array.from({ length: supervisedScales({ features, ...config }) }, (_, scale) => voxels(scale));
  return body + HEAD_VALUES * classes * scales.reduce((sum, count) => sum + count, 0);
}

/** A transformer block keeps 20 values per token and 13 per token of its padded windows, times the width. */
function swinLayers({ featureSize, depths, window }: SwinUnetrConfig, patch: number, classes: number): number {
  const blocks = depths.reduce((sum, depth, stage) => {
    const { tokens, padded } = windowsOf(patch, stage, window);
    return sum + depth * featureSize * 2 ** stage * (20 * tokens + 13 * padded);
  }, 0);
  // Encoder and decoder blocks of three convolutions, with norms, shortcuts and sums.
  const convolutions = [0, ...depths.keys()].reduce((sum, width, level) => {
    return sum + 23 * featureSize * 2 ** width * (patch / 2 ** level) ** 3;
  }, 0);
  return blocks + convolutions + HEAD_VALUES * classes * patch ** 3;
}

/** Scores of every pair of tokens in a window, in the stage that has most of them. */
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
