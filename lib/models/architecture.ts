import type { TaskId } from '../federation/tasks.ts';
import type { tf } from '../nn/tf.ts';

/** The parameter of a name. */
export type Lookup = <T extends tf.Tensor>(name: string) => T;

/** A network's arithmetic, apart from its weights. */
export interface Architecture {
  readonly divisor: number;
  readonly forward: (parameter: Lookup, x: tf.Tensor5D, heads: readonly TaskId[]) => Map<TaskId, tf.Tensor5D[]>;
  /** Frees what it keeps between calls (index tables); never the weights. */
  readonly dispose: () => void;
}
