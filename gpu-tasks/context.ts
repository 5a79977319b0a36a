import type { Stores } from '../lib/storage/contract.ts';
import type { Cache } from './cache.ts';

/** Everything that a GPU task may use. */
export interface GpuTaskContext extends Stores {
  readonly cache: Cache;
  /** Name of the tensor backend, recorded in updates. */
  readonly backend: string;
  /** Bytes of memory that the process may use; undefined if tensors are in GPU memory. */
  readonly memoryLimit: number | undefined;
  readonly now: () => Date;
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void;
  readonly progress: (progress: GpuTaskProgress) => void;
  readonly interruption: Interruption;
}

/** A request to stop, such as a spot interruption. */
export interface Interruption {
  readonly requested: boolean;
  /**
   * From now on the task checks `requested` itself and saves its state. Before this call, a request ends the process at
   * once: there is nothing to save.
   */
  hold(): void;
}

/** For a GPU task that is never interrupted. */
export const NO_INTERRUPTION: Interruption = { requested: false, hold: () => undefined };

interface GpuTaskProgress {
  readonly done: number;
  readonly total: number;
  readonly loss?: number;
}
