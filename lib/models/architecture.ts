import type { TaskId } from '../federation/tasks.ts';
import type { tf } from '../nn/tf.ts';

/** Looks up a parameter by name. */
export type Lookup = <T extends tf.Tensor>(name: string) => T;

/** A network's arithmetic, without its weights. */
export interface Architecture {
  readonly divisor: number;
  /** Input of the heads, [b, z, y, x, width] each, the finest first, each half as fine as the one before. */
  readonly features: (parameter: Lookup, x: tf.Tensor5D) => tf.Tensor5D[];
  /** Name of a head's 1×1×1 convolution on the features of a scale, without `.weight` or `.bias`. */
  readonly head: (task: TaskId, scale: number) => string;
  /** Frees tensors kept between calls (index tables), but not the weights. */
  readonly dispose: () => void;
}
