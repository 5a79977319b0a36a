import type { RoundAddress } from '../federation/keys.ts';
import type { Objects } from '../storage/contract.ts';
import type { StoreContext } from './ports.ts';

/** What closing a round may touch. A handler's context fits. */
export interface RoundContext extends StoreContext {
  readonly objects: Objects;
  /**
   * Sees to it that a round that can be closed is closed elsewhere, where it is too large for here: updates of so many
   * bytes together. Returns whether it does. May be asked again and again while it is at it.
   */
  readonly delegateMerge?: (at: RoundAddress, bytes: number) => Promise<boolean>;
}
