import { FedcardioError } from '../error.ts';
import type { AxisOrder } from '../federation/schemas/model.ts';
import type { ModelConfig } from '../federation/schemas.ts';
import type { Task, TaskId } from '../federation/tasks.ts';
import { pointwise } from '../nn/convolution.ts';
import { tf } from '../nn/tf.ts';
import type { Weights } from '../weights/weights.ts';
import type { Architecture } from './architecture.ts';
import { axesOf, permutationOf } from './axes.ts';
import { initialWeights } from './initial-weights.ts';
import { parameterFaults, requireNoFaults } from './parameter-faults.ts';
import { swinUnetr } from './swin-unetr.ts';
import { unet } from './unet.ts';

/** A network with one body and one head per task. It runs on the backend that is loaded when it is created. */
export interface Network {
  readonly config: ModelConfig;
  readonly heads: readonly Task[];
  readonly variables: ReadonlyMap<string, tf.Variable>;
  /** The sides of an input must be multiples of this. */
  readonly divisor: number;
  /** Number of trainable values. */
  readonly parameters: number;
  /**
   * Logits of the requested heads (default all), each [b, z, y, x, class], the finest first, then the coarser
   * supervised scales, each half as fine as the one before.
   *
   * @param x image, [b, z, y, x, 1]
   */
  forward(x: tf.Tensor5D, heads?: readonly TaskId[]): Map<TaskId, tf.Tensor5D[]>;
  /**
   * The body's output, which every head reads, one [b, z, y, x, width] per scale, its axes in the network's order. If computed outside a training step
   * it is a constant: the step then trains only heads, without the memory and time of the body's gradient.
   */
  features(x: tf.Tensor5D): tf.Tensor5D[];
  /** Logits of heads on the body's output. {@link forward} combines both. */
  logits(features: readonly tf.Tensor5D[], heads?: readonly TaskId[]): Map<TaskId, tf.Tensor5D[]>;
  /** A copy of the weights. */
  read(): Weights;
  /**
   * Loads weights of exactly these names (default all) and shapes. Throws `BAD_WEIGHTS`, and changes nothing, for any
   * others.
   */
  load(weights: Weights, names?: ReadonlySet<string>): void;
  dispose(): void;
}

/**
 * Creates a network with random weights; see {@link initialWeights}. Call {@link loadBackend} first.
 *
 * @param image `learnt` for gradients by the image, which only a UNet computes
 */
export function createNetwork(
  config: ModelConfig,
  heads: readonly Task[],
  seed: number,
  image: 'constant' | 'learnt' = 'constant',
): Network {
  const architecture: Architecture = config.kind === 'unet' ? unet(config, image) : swinUnetr(config);
  const weights = initialWeights(config, heads, seed);
  const variables = new Map(
    [...weights].map(([name, { data, shape }]) => [name, tf.tidy(() => tf.variable(tf.tensor(data, [...shape])))]),
  );
  const parameter = <T extends tf.Tensor>(name: string): T => {
    const variable = variables.get(name);
    if (!variable) throw new FedcardioError('BAD_CONFIGURATION', `the network has no parameter "${name}".`);
    return variable as tf.Tensor as T;
  };
  const axes = axesOf(config);
  const turned = (x: tf.Tensor5D, from: AxisOrder, to: AxisOrder): tf.Tensor5D =>
    from === to ? x : tf.transpose(x, [0, ...permutationOf(from, to).map((axis) => axis + 1), 4]);
  const features = (x: tf.Tensor5D) => {
    checkSides(x.shape, architecture.divisor);
    return architecture.features(parameter, turned(x, 'zyx', axes));
  };
  const logits = (scales: readonly tf.Tensor5D[], wanted: readonly TaskId[] = heads.map(({ id }) => id)) =>
    new Map(
      wanted.map((task) => [
        task,
        scales.map((input, scale) => {
          const name = architecture.head(task, scale);
          const output = pointwise([input], parameter(`${name}.weight`), parameter(`${name}.bias`));
          return turned(output, axes, 'zyx');
        }),
      ]),
    );
  return {
    config,
    heads,
    variables,
    divisor: architecture.divisor,
    parameters: [...variables.values()].reduce((total, { size }) => total + size, 0),
    forward: (x, wanted) => logits(features(x), wanted),
    features,
    logits,
    read: () =>
      new Map(
        [...variables].map(([name, variable]) => [
          name,
          { dtype: 'F32', shape: [...variable.shape], data: Float32Array.from(variable.dataSync()) },
        ]),
      ),
    load: (update, names) => {
      const targets = names ? new Map([...variables].filter(([name]) => names.has(name))) : variables;
      requireNoFaults(parameterFaults(targets, update));
      for (const [name, variable] of targets) {
        const { data } = update.get(name)!;
        // A copy: the backend may read it after the caller has changed it.
        tf.tidy(() => variable.assign(tf.tensor(data.slice(), variable.shape)));
      }
    },
    dispose: () => {
      architecture.dispose();
      for (const variable of variables.values()) variable.dispose();
    },
  };
}

function checkSides([, ...sides]: readonly number[], divisor: number): void {
  const grid = sides.slice(0, 3);
  if (grid.every((side) => side > 0 && side % divisor === 0)) return;
  throw new FedcardioError('BAD_CONFIGURATION', `a grid of ${grid.join('×')} voxels does not fit the network.`, {
    hint: `Every side must be a multiple of ${divisor}: choose another patch, or fewer stages.`,
  });
}
