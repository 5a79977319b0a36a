import type { FederationKey } from '../federation/keys.ts';
import type { Aggregation, Commit, Encoding, StoredFile } from '../federation/schemas.ts';
import type { FederationStore } from '../storage/contract.ts';
import type { Refused } from './inputs.ts';
import type { Layout } from './layout.ts';
import type { PrivateMerge } from './private-sum.ts';

export interface MergeOptions {
  readonly store: FederationStore;
  /** Key of the merged model. */
  readonly key: FederationKey;
  /** Key of the server optimiser's state. */
  readonly stateKey: FederationKey;
  readonly aggregation: Aggregation;
  /** The model that the inputs started from, with the server optimiser's state after it. */
  readonly base: (StoredFile & { readonly state: StoredFile | null }) | null;
  /** Whether floats in the inputs are differences from the base; false without a base. */
  readonly delta: boolean;
  /** Data type of floats in the inputs. Models are F32. */
  readonly dtype: Encoding['dtype'];
  /** Layout of the model that the stage trains, with F32. It decides between different layouts in a first round. */
  readonly network?: Layout;
  /**
   * Differential privacy: how the differences are added up, given the number of an update's values. Needs a base, floats alone,
   * and a strategy that averages all updates; samples then do not matter.
   */
  readonly privacy?: (dimension: number) => PrivateMerge;
  /** Awaited between slices, for example to renew a lease. */
  readonly onPart?: () => void | Promise<void>;
  /** Most bytes of a slice as F32, a multiple of 16. For tests. */
  readonly sliceBytes?: number;
}

export type Merged =
  | {
      readonly kind: 'merged';
      readonly global: StoredFile;
      readonly state: StoredFile | null;
      /** Of all inputs, if `clipFactor` is set. */
      readonly norms?: Commit['norms'];
    }
  /** Refused inputs, at least one; the others may not have been checked completely. */
  | { readonly kind: 'refused'; readonly refused: readonly Refused[] }
  /** The strategy cannot merge this number of updates; `reason` is a sentence. */
  | { readonly kind: 'impossible'; readonly reason: string };
