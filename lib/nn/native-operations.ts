import { tf } from './tf.ts';

/** TensorFlow's operations by name, including those that TensorFlow.js does not offer. */

export interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: number | boolean | string | readonly number[];
}

/** The part of tfjs-node's backend that runs any TensorFlow operation. */
interface NodeBackend {
  readonly isUsingGpuDevice: boolean;
  executeSingleOutput(name: string, attributes: readonly Attribute[], inputs: readonly tf.TensorInfo[]): tf.Tensor;
  executeMultipleOutputs(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly tf.TensorInfo[],
    outputs: number,
  ): tf.Tensor[];
}

export const backend = (): NodeBackend => tf.backend() as unknown as NodeBackend;

export const run = <T extends tf.Tensor>(
  name: string,
  inputs: readonly tf.Tensor[],
  attributes: readonly Attribute[],
): T => backend().executeSingleOutput(name, attributes, inputs) as T;

export const runMany = (
  name: string,
  inputs: readonly tf.Tensor[],
  attributes: readonly Attribute[],
  outputs: number,
) => backend().executeMultipleOutputs(name, attributes, inputs, outputs);

// TF_AttrType and TF_DataType of TensorFlow's C API, which are stable.
export const ATTRIBUTE = { text: 0, int: 1, float: 2, flag: 3, type: 4 } as const;
const DATA_TYPE = { float32: 1, int32: 3 } as const;
export const type = (name: string, value: keyof typeof DATA_TYPE): Attribute => ({
  name,
  type: ATTRIBUTE.type,
  value: DATA_TYPE[value],
});
export const flag = (name: string, value: boolean): Attribute => ({ name, type: ATTRIBUTE.flag, value });
export const text = (name: string, value: string): Attribute => ({ name, type: ATTRIBUTE.text, value });
export const alpha = (value: number): Attribute => ({ name: 'alpha', type: ATTRIBUTE.float, value });
export const FLOAT = type('T', 'float32');

/** Columns that are added up at a time: enough to fill vector registers, few enough to stay in the cache. */
const COLUMNS = 512;
const FEW_ROWS = 4096;

/**
 * Sum over the rows. Many rows are summed in two steps, the first of which treats neighbouring rows as columns: one
 * running total per column over all rows would lose digits, and would be slow with few columns.
 */
export function sumRows(x: tf.Tensor2D): tf.Tensor1D {
  const [rows, columns] = x.shape;
  if (rows <= FEW_ROWS) return biasAddGradient(x);
  let fold = 1;
  while (rows % (2 * fold) === 0 && 2 * fold * columns <= COLUMNS) fold *= 2;
  const partial = biasAddGradient(tf.reshape(x, [rows / fold, fold * columns]));
  return biasAddGradient(tf.reshape(partial, [fold, columns]));
}

const biasAddGradient = (x: tf.Tensor2D): tf.Tensor1D => run('BiasAddGrad', [x], [FLOAT, text('data_format', 'NHWC')]);
