import { type Act, type Fault, type Scenario, STORM_TICKS } from './scenario.ts';

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
    // A pause does not outlive the storm.
    acts: () =>
      tick === STORM_TICKS + 1 ? [{ kind: 'resume' }] : acts.filter((one) => one.tick === tick).map(({ act }) => act),
  };
}
