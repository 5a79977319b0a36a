import type { RoundAddress } from '../federation/keys.ts';
import type { Federation } from '../federation/schemas.ts';
import type { FederationStore } from '../storage/contract.ts';

/** Enough to read a campaign. */
export interface ReaderContext {
  readonly federation: Pick<Federation, 'id'>;
  readonly federationStore: Pick<FederationStore, 'bucket' | 'tryGet' | 'list'>;
  readonly now: () => Date;
  /** One structured line: what happened, and to what. */
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** Enough to plan and end a campaign. */
export interface StoreContext extends ReaderContext {
  readonly federation: Federation;
  readonly federationStore: Pick<FederationStore, 'bucket' | 'tryGet' | 'list' | 'folders' | 'put' | 'putIfAbsent'>;
  /** Most keys of a campaign that are listed before each stage is looked up, 1,000 by default. For tests. */
  readonly listedKeys?: number;
}

/** Enough to open rounds and to send GPU tasks. */
export interface CoordinatorContext extends StoreContext {
  readonly queues: { send(queue: string, body: string): Promise<void> };
}

/** Enough to close rounds. */
export interface RoundContext extends StoreContext {
  readonly federationStore: FederationStore;
  /**
   * Seconds after an update in which its site's intake may still count the cases that it was trained on, 900 by default: a case is in
   * the catalog before it is counted, and a time-out may lie in between. Until then, an update that claims more counts as not yet there.
   */
  readonly countingSeconds?: number;
  /**
   * Delegates the closing of a round to a Batch job if the round's updates, `bytes` together, are too large for this
   * process. Returns whether it was delegated. Idempotent.
   */
  readonly delegateMerge?: (at: RoundAddress, bytes: number) => Promise<boolean>;
}
