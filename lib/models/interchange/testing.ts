import { createHash } from 'node:crypto';
import type { ModelConfig, SwinUnetrConfig } from '../../federation/schemas.ts';
import type { Task } from '../../federation/tasks.ts';
import { numbers } from '../../nn/testing.ts';
import { elementsOf, type Tensor, type Tensors, type Weights } from '../../weights/weights.ts';
import { initialWeights } from '../initial-weights.ts';

/** The smallest Swin UNETR that MONAI has too. */
export const SWIN: SwinUnetrConfig = {
  kind: 'swin-unetr',
  featureSize: 12,
  depths: [2, 2, 2, 2],
  heads: [3, 6, 12, 24],
  window: 2,
};

/** Shapes of a fixture's `state_dict`, by name. */
export type Shapes = Readonly<Record<string, readonly number[]>>;

/** Every `every`-th value of an output of PyTorch's network. */
export interface Sample {
  readonly every: number;
  readonly values: readonly number[];
}

/** A run of PyTorch's network: logits of volume('image'), one sample per scale. */
export interface Run {
  readonly batch: number;
  readonly grid: readonly [number, number, number];
  readonly scales: readonly Sample[];
}

/** The weights of scripts/fixtures/models.py, in PyTorch's names and layouts. */
export const foreignWeights = (shapes: Shapes): Tensors =>
  new Map(Object.entries(shapes).map(([name, shape]) => [name, foreignTensor(name, shape)]));

function foreignTensor(name: string, shape: readonly number[]): Tensor {
  if (name.endsWith('index')) return { dtype: 'I64', shape, data: new BigInt64Array(elementsOf(shape)) };
  const values = numbers(name, shape);
  const fanIn = elementsOf(shape.slice(1));
  const isScale = name.includes('norm') && name.endsWith('weight');
  const of = (value: number): number => {
    if (isScale) return 1 + 0.2 * value;
    if (shape.length === 1) return 0.2 * value;
    return name.endsWith('table') ? 2 * value : (value * 4) / Math.sqrt(fanIn);
  };
  return { dtype: 'F32', shape, data: values.map(of) };
}

export const sampled = ({ every }: Sample, logits: ArrayLike<number>): number[] =>
  Array.from({ length: Math.ceil(logits.length / every) }, (_, i) => logits[i * every]!);

/** Shape and digest of each tensor: comparing millions of values one by one takes minutes. */
export const fingerprint = (tensors: Tensors): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...tensors].map(([name, { dtype, shape, data }]) => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return [name, `${dtype} ${shape.join('×')} ${createHash('sha256').update(bytes).digest('hex')}`];
    }),
  );

/** Weights without symmetry, and with all classes in the output: every network starts with zeros, ones and background. */
export const unevenWeights = (model: ModelConfig, heads: readonly Task[]): Weights =>
  new Map(
    [...initialWeights(model, heads, 1)].map(([name, { dtype, shape, data }]) => {
      const noise = numbers(name, shape);
      return [
        name,
        { dtype, shape, data: data.map((value, i) => (name.endsWith('bias') ? 0 : value) + 0.2 * noise[i]!) },
      ];
    }),
  );
