import type { StoreContext } from '../federation/protocol/ports.ts';
import type { Objects } from '../storage/contract.ts';

/** What closing a round may touch. A handler's context fits. */
export interface RoundContext extends StoreContext {
  readonly objects: Objects;
}
