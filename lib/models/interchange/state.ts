import { FedcardioError } from '../../error.ts';
import { elementsOf, type Tensor, type Tensors, type Weights, type WeightTensor } from '../../weights/weights.ts';
import { parameterFaults, requireNoFaults } from '../parameter-faults.ts';
import type { Parameter } from '../parameters.ts';
import { fromTorch, torchShape, toTorch } from './torch-layout.ts';

/** One entry of a PyTorch module's `state_dict`, and the parameters that it consists of. */
export interface StateEntry {
  readonly name: string;
  /** Parameters that are concatenated along the output channels: one, or one per head. */
  readonly parts: readonly Parameter[];
}

/** An entry without a parameter here. PyTorch requires it, so it is written but not read. */
export interface Filler {
  readonly name: string;
  readonly shape: readonly number[];
  readonly make: () => Tensor;
}

/** The contents of a module's `state_dict`. */
export interface State {
  /** Name for users. */
  readonly module: string;
  readonly entries: readonly StateEntry[];
  readonly fillers: readonly Filler[];
  /** Start of the names of the output layers, which are not read without heads. */
  readonly outputs: string;
}

/** Shape of an entry in PyTorch. */
export function entryShape({ parts }: StateEntry): readonly number[] {
  const [first] = parts;
  const [, ...rest] = torchShape(first!.name, first!.shape);
  return [parts.reduce((channels, { name, shape }) => channels + torchShape(name, shape)[0]!, 0), ...rest];
}

/** A network's weights under the names and in the layouts of `state`. Throws `BAD_WEIGHTS` if they do not fit. */
export function toState({ entries, fillers }: State, weights: Weights): Tensors {
  const parameters = entries.flatMap(({ parts }) => parts.map((part) => [part.name, part] as const));
  requireNoFaults(parameterFaults(new Map(parameters), weights));
  return new Map<string, Tensor>([
    ...entries.map((entry): [string, Tensor] => {
      const shape = entryShape(entry);
      const data = new Float32Array(elementsOf(shape));
      let end = 0;
      for (const part of entry.parts) {
        const values = toTorch(part.name, part.shape, weights.get(part.name)!.data);
        data.set(values, end);
        end += values.length;
      }
      return [entry.name, { dtype: 'F32', shape, data }];
    }),
    ...fillers.map(({ name, make }): [string, Tensor] => [name, make()]),
  ]);
}

/** Names that {@link fromState} passes over: fillers, counters of batches, and without heads the output layers. */
export function unusedNames({ entries, fillers, outputs }: State, names: Iterable<string>): readonly string[] {
  const ignored = new Set(fillers.map(({ name }) => name));
  const hasOutputs = entries.some(({ name }) => name.startsWith(outputs));
  return [...names].filter(
    (name) => ignored.has(name) || name.endsWith('.num_batches_tracked') || (!hasOutputs && name.startsWith(outputs)),
  );
}

/**
 * The inverse of {@link toState}, without {@link unusedNames}.
 *
 * @throws FedcardioError `BAD_WEIGHTS` if a tensor is missing, unknown, has another shape or does not hold floats
 */
export function fromState(state: State, tensors: Tensors): Weights {
  const { module, entries } = state;
  const expected = new Map(entries.map((entry) => [entry.name, { shape: entryShape(entry) }]));
  const unused = new Set(unusedNames(state, tensors.keys()));
  const floats = new Map<string, WeightTensor>();
  for (const [name, tensor] of tensors) {
    if (unused.has(name)) continue;
    if (tensor.dtype !== 'F32') {
      throw new FedcardioError('BAD_WEIGHTS', `"${name}" holds integers (${tensor.dtype}), not floats.`, {
        hint: `Save the state_dict of ${module} in float32.`,
      });
    }
    floats.set(name, tensor);
  }
  requireNoFaults(parameterFaults(expected, floats), `They should be those of ${module}.`);
  return new Map(
    entries.flatMap(({ name, parts }) => {
      const { data } = floats.get(name)!;
      let begin = 0;
      return parts.map((part): [string, WeightTensor] => {
        const values = data.slice(begin, begin + elementsOf(part.shape));
        begin += values.length;
        return [part.name, { dtype: 'F32', shape: part.shape, data: fromTorch(part.name, part.shape, values) }];
      });
    }),
  );
}
