import type { SiteStore, Stores } from '../lib/storage/contract.ts';
import type { Cache } from './cache.ts';

/** The dependencies of a GPU task. */
export interface GpuTaskContext extends Stores {
  /** Does not wait out an outage: a training goes on without its checkpoint. */
  readonly checkpointStore: (site: string) => Pick<SiteStore, 'put'>;
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
   * From now on the GPU task checks `requested` itself and writes a checkpoint. Before this call, a request ends the
   * process at once, because there is no state to save.
   */
  deferExit(): void;
}

/** For a GPU task that is never interrupted. */
export const NO_INTERRUPTION: Interruption = { requested: false, deferExit: () => undefined };

interface GpuTaskProgress {
  readonly done: number;
  readonly total: number;
  readonly loss?: number;
}
