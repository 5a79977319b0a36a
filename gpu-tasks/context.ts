import type { Objects } from '../lib/storage/contract.ts';
import type { Cache } from './cache.ts';

/** All that a GPU task may touch. */
export interface GpuTaskContext {
  readonly objects: Objects;
  readonly cache: Cache;
  /** Name of the tensor backend, for the record. */
  readonly backend: string;
  /** What the process may take, bytes; undefined where tensors lie in a GPU's memory instead. */
  readonly memoryLimit: number | undefined;
  readonly now: () => Date;
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void;
  readonly progress: (progress: GpuTaskProgress) => void;
  readonly interruption: Interruption;
}

/** The machine is about to be taken away, or was asked to stop. */
export interface Interruption {
  readonly requested: boolean;
  /**
   * From now on the task sees by itself that it is to end. Until then the process is ended in the middle of
   * whatever it does: there is nothing to save.
   */
  hold(): void;
}

/** Of a task that runs to its end. */
export const NO_INTERRUPTION: Interruption = { requested: false, hold: () => undefined };

interface GpuTaskProgress {
  readonly done: number;
  readonly total: number;
  readonly loss?: number;
}
