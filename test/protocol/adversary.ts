import { MAX_STALL } from './invocation.ts';
import { type Act, type Fault, type Scenario, STORM_TICKS } from './scenario.ts';

/**
 * From then on nothing is left of the storm: requests that stalled in it have come to their ends, pauses among them, and
 * what they paused has been resumed.
 */
export const SETTLED_TICK = STORM_TICKS + MAX_STALL + 1;

/** Deals out what a scenario holds, until its storm is over. */
export interface Adversary {
  readonly tick: () => number;
  readonly isStorm: () => boolean;
  readonly nextTick: () => void;
  /** What goes wrong with the next request. */
  readonly nextFault: (isConditional: boolean) => Fault | undefined;
  /** How often the next delivery comes now, and whether it comes later. */
  readonly nextDelivery: () => { readonly now: number; readonly later: boolean };
  /** What people do in this tick. */
  readonly acts: () => readonly Act[];
}

export function createAdversary({ faults, fates, acts }: Scenario): Adversary {
  const faultOf = new Map(faults.map(({ request, fault }) => [request, fault]));
  const fateOf = new Map(fates.map(({ delivery, fate }) => [delivery, fate]));
  let [tick, requests, deliveries, echoes] = [0, 0, 0, 0];
  const isPaused = acts.some(({ act }) => act.kind === 'pause');
  const isStorm = () => tick <= STORM_TICKS;

  return {
    tick: () => tick,
    isStorm,
    nextTick: () => {
      tick++;
    },
    nextFault: (isConditional) => {
      if (!isStorm()) return undefined;
      const fault = faultOf.get(requests++);
      if (fault !== undefined && fault !== 'echo') return fault;
      // Only a conditional write can be echoed: the next one, then.
      if (fault === 'echo') echoes++;
      if (!isConditional || echoes === 0) return undefined;
      echoes--;
      return 'echo';
    },
    nextDelivery: () => {
      const fate = isStorm() ? fateOf.get(deliveries++) : undefined;
      const now = { twice: 2, late: 0, lost: 0 };
      return { now: fate ? now[fate] : 1, later: fate === 'late' };
    },
    acts: () =>
      isPaused && !isStorm() && tick <= SETTLED_TICK
        ? [{ kind: 'resume' }]
        : acts.filter((one) => one.tick === tick).map(({ act }) => act),
  };
}
