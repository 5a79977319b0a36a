import type { TaskId } from '../federation/tasks.ts';
import type { tf } from '../nn/tf.ts';

/** The parameter of a name. */
export type Lookup = <T extends tf.Tensor>(name: string) => T;

/** A network's arithmetic, apart from its weights. */
export interface Architecture {
  readonly divisor: number;
  /** What the heads read, [b, z, y, x, width] each, the finest first, each further one half as fine. */
  readonly features: (parameter: Lookup, x: tf.Tensor5D) => tf.Tensor5D[];
  /** Name of a head's 1×1×1 convolution on the features of a scale, without `.weight` or `.bias`. */
  readonly head: (task: TaskId, scale: number) => string;
  /** Frees what it keeps between calls (index tables); never the weights. */
  readonly dispose: () => void;
}
