import { FedcardioError } from '../error.ts';
import type { ModelConfig } from '../federation/schemas.ts';
import type { TaskId } from '../federation/tasks.ts';
import { tf } from '../nn/tf.ts';
import { elementsOf, type Weights } from '../weights/weights.ts';
import type { Architecture } from './architecture.ts';
import { initialWeights } from './initial-weights.ts';
import { swinUnetr } from './swin-unetr.ts';
import { unet } from './unet.ts';

/** A network with one body and a head a task. Its arithmetic runs on the backend that is loaded when it is made. */
export interface Network {
  readonly config: ModelConfig;
  readonly heads: readonly TaskId[];
  readonly variables: ReadonlyMap<string, tf.Variable>;
  /** The sides of an input must be multiples of this. */
  readonly divisor: number;
  /** Number of trainable values. */
  readonly parameters: number;
  /**
   * Logits of the heads asked for (by default all), each [b, z, y, x, class], the finest first, then the coarser
   * scales if the network is supervised there, each half as fine as the one before.
   *
   * @param x image, [b, z, y, x, 1].
   */
  forward(x: tf.Tensor5D, heads?: readonly TaskId[]): Map<TaskId, tf.Tensor5D[]>;
  /** A copy of the weights. */
  read(): Weights;
  /**
   * Takes over weights of the same shapes and of exactly these names, by default all; anything else is a `BAD_WEIGHTS`
   * error and changes nothing.
   */
  load(weights: Weights, names?: ReadonlySet<string>): void;
  dispose(): void;
}

/** Group of a parameter: a head's task, or the body that all heads share. */
export function parameterGroup(name: string): string {
  return /^(?:head|out)\.([a-z-]+)\./.exec(name)?.[1] ?? 'body';
}

/** Makes a network with random weights, see {@link initialWeights}. {@link loadBackend} comes first. */
export function createNetwork(config: ModelConfig, heads: readonly TaskId[], seed: number): Network {
  const architecture: Architecture = config.kind === 'unet' ? unet(config) : swinUnetr(config);
  const weights = initialWeights(config, heads, seed);
  const variables = new Map(
    [...weights].map(([name, { data, shape }]) => [name, tf.tidy(() => tf.variable(tf.tensor(data, [...shape])))]),
  );
  const parameter = <T extends tf.Tensor>(name: string): T => {
    const variable = variables.get(name);
    if (!variable) throw new FedcardioError('BAD_CONFIGURATION', `the network has no parameter "${name}"`);
    return variable as tf.Tensor as T;
  };
  return {
    config,
    heads,
    variables,
    divisor: architecture.divisor,
    parameters: [...variables.values()].reduce((total, { size }) => total + size, 0),
    forward: (x, wanted = heads) => {
      checkSides(x.shape, architecture.divisor);
      return architecture.forward(parameter, x, wanted);
    },
    read: () =>
      new Map(
        [...variables].map(([name, variable]) => [
          name,
          { dtype: 'F32', shape: [...variable.shape], data: Float32Array.from(variable.dataSync()) },
        ]),
      ),
    load: (update, names) => {
      const targets = names ? new Map([...variables].filter(([name]) => names.has(name))) : variables;
      checkWeights(targets, update);
      for (const [name, variable] of targets) {
        const { data } = update.get(name)!;
        // A copy: the backend may read it later than the caller changes it.
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
  throw new FedcardioError('BAD_CONFIGURATION', `a grid of ${grid.join('×')} voxels does not fit the network`, {
    hint: `Every side must be a multiple of ${divisor}: choose another patch, or fewer stages.`,
  });
}

function checkWeights(variables: ReadonlyMap<string, tf.Variable>, weights: Weights): void {
  const problems = [
    ...[...variables.keys()].filter((name) => !weights.has(name)).map((name) => `${name} is missing`),
    ...[...weights.keys()].filter((name) => !variables.has(name)).map((name) => `${name} is unknown`),
    ...[...weights].flatMap(([name, { shape, data }]) => {
      const expected = variables.get(name)?.shape;
      if (!expected || (expected.join() === shape.join() && data.length === elementsOf(expected))) return [];
      return [`${name} is ${shape.join('×')} (${data.length} values) instead of ${expected.join('×')}`];
    }),
  ];
  if (problems.length === 0) return;
  const more = problems.length > 3 ? `, and ${problems.length - 3} more` : '';
  throw new FedcardioError('BAD_WEIGHTS', `the weights do not fit: ${problems.slice(0, 3).join(', ')}${more}`, {
    hint: 'They come from a network of another configuration or with other heads.',
  });
}
