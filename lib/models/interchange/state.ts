import { FedcardioError } from '../../error.ts';
import { elementsOf, type Tensor, type Tensors, type Weights, type WeightTensor } from '../../weights/weights.ts';
import { parameterFaults, requireNoFaults } from '../parameter-faults.ts';
import type { Parameter } from '../parameters.ts';
import { fromTorch, torchShape, toTorch } from './torch-layout.ts';

/** One entry of a PyTorch module's `state_dict`, and what it is here. */
export interface StateEntry {
  readonly name: string;
  /** Parameters that stand there one after the other along the output channels: one, or one a head. */
  readonly parts: readonly Parameter[];
}

/** An entry that stands for nothing here: written because PyTorch asks for it, not read. */
export interface Filler {
  readonly name: string;
  readonly shape: readonly number[];
  readonly make: () => Tensor;
}

/** What a module's `state_dict` consists of. */
export interface State {
  /** Whose, for people. */
  readonly module: string;
  readonly entries: readonly StateEntry[];
  readonly fillers: readonly Filler[];
}

/** Shape of an entry in PyTorch. */
export function entryShape({ parts }: StateEntry): readonly number[] {
  const [first] = parts;
  const [, ...rest] = torchShape(first!.name, first!.shape);
  return [parts.reduce((channels, { name, shape }) => channels + torchShape(name, shape)[0]!, 0), ...rest];
}

/** A network's weights under the names and in the layouts of `state`. Throws `BAD_WEIGHTS` where they do not fit it. */
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

/**
 * The inverse of {@link toState}. Fillers may be missing.
 *
 * @throws FedcardioError `BAD_WEIGHTS` when a tensor is missing, unknown, of another shape or not of floats.
 */
export function fromState({ module, entries, fillers }: State, tensors: Tensors): Weights {
  const expected = new Map(entries.map((entry) => [entry.name, { shape: entryShape(entry) }]));
  const ignored = new Set(fillers.map(({ name }) => name));
  const floats = new Map<string, WeightTensor>();
  for (const [name, tensor] of tensors) {
    if (ignored.has(name)) continue;
    if (tensor.dtype !== 'F32') throw new FedcardioError('BAD_WEIGHTS', `"${name}" of ${module} is ${tensor.dtype}`);
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
