import type { Objects } from '../lib/storage/contract.ts';
import type { Cache } from './cache.ts';

/** All that a GPU task may touch. */
export interface TaskContext {
  readonly objects: Objects;
  readonly cache: Cache;
  /** Name of the tensor backend, for the record. */
  readonly backend: string;
  readonly now: () => Date;
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void;
  readonly progress: (progress: TaskProgress) => void;
}

interface TaskProgress {
  readonly done: number;
  readonly total: number;
  readonly loss?: number;
}
