import { FedcardioError } from '../error.ts';
import type { ModelConfig } from '../federation/schemas.ts';
import type { Task } from '../federation/tasks.ts';
import { type Random, seededRandom } from '../random.ts';
import { elementsOf, type Weights, type WeightTensor } from '../weights/weights.ts';
import { parameterFaults, requireNoFaults } from './parameter-faults.ts';
import type { Initialiser, Parameter } from './parameters.ts';
import { swinUnetrParameters } from './swin-unetr-parameters.ts';
import { unetParameters } from './unet-parameters.ts';

/** Names, shapes and initialisers of a network's parameters, in a fixed order. */
export const parametersOf = (config: ModelConfig, heads: readonly Task[]): readonly Parameter[] =>
  config.kind === 'unet' ? unetParameters(config, heads) : swinUnetrParameters(config, heads);

/**
 * Random weights that a stage starts from. A seed gives the same bytes on every machine and needs no tensor backend, so
 * that all sites of a federation start alike. A parameter's values depend on the seed and its name only: adding a head
 * does not change the body.
 */
export const initialWeights = (config: ModelConfig, heads: readonly Task[], seed: number): Weights =>
  new Map(parametersOf(config, heads).map((parameter) => [parameter.name, initialTensor(parameter, seed)]));

/**
 * Weights of the same body with other heads. Heads in `weights` are kept, others are made by {@link initialWeights},
 * and heads that are not in `heads` are left out. The body must be complete.
 */
export const withHeads = (weights: Weights, config: ModelConfig, heads: readonly Task[], seed: number): Weights => {
  const body = new Map(parametersOf(config, []).map((parameter) => [parameter.name, parameter]));
  const present = new Map([...weights].filter(([name]) => body.has(name)));
  requireNoFaults(parameterFaults(body, present));
  return new Map(
    parametersOf(config, heads).map((parameter) => {
      return [parameter.name, weights.get(parameter.name) ?? initialTensor(parameter, seed)];
    }),
  );
};

/** The tensors of {@link initialWeights} one by one, for callers that do not need all of them at once. */
export function initialTensors(
  config: ModelConfig,
  heads: readonly Task[],
  seed: number,
): (name: string) => WeightTensor {
  const parameters = new Map(parametersOf(config, heads).map((parameter) => [parameter.name, parameter]));
  return (name) => {
    const parameter = parameters.get(name);
    if (!parameter) throw new FedcardioError('BAD_WEIGHTS', `The network has no parameter "${name}".`);
    return initialTensor(parameter, seed);
  };
}

function initialTensor({ name, shape, initialiser }: Parameter, seed: number): WeightTensor {
  const data = new Float32Array(elementsOf(shape));
  fill(data, initialiser, seededRandom(seed, name));
  return { dtype: 'F32', shape, data };
}

function fill(data: Float32Array, initialiser: Initialiser, uniform: Random): void {
  switch (initialiser.kind) {
    case 'constant':
      data.fill(initialiser.value);
      return;
    case 'background':
      data.fill(initialiser.others, 1);
      return;
    case 'uniform':
      for (let i = 0; i < data.length; i++) data[i] = (2 * uniform() - 1) * initialiser.bound;
      return;
    case 'normal': {
      // The sum of four uniform numbers is nearly normal. Exact methods need logarithms or cosines, whose last bit
      // differs between JavaScript engines.
      const scale = initialiser.deviation * Math.sqrt(3);
      for (let i = 0; i < data.length; i++) data[i] = (uniform() + uniform() + uniform() + uniform() - 2) * scale;
    }
  }
}
