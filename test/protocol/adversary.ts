import { type Command, FAULT_TICKS, type Outage, type RequestFault, type Scenario } from './scenario.ts';

/** Most ticks that a slow request takes. */
export const MAX_STALL = 3;

/** From this tick on no fault has an effect: stalled requests have ended, and a paused campaign has been resumed. */
export const FAULTS_OVER_TICK = FAULT_TICKS + MAX_STALL + 1;

interface RequestKind {
  readonly isConditional: boolean;
  /** Whether it writes an object. */
  readonly isWrite: boolean;
}

/** Hands out the faults and commands of a scenario in order. */
export interface Adversary {
  readonly tick: () => number;
  readonly isFaultPhase: () => boolean;
  readonly nextTick: () => void;
  /** Fault of the next request. */
  readonly nextFault: (request: RequestKind) => RequestFault | Outage['kind'] | undefined;
  /** Number of copies of the next message that are delivered now, and whether another one is delivered in a later tick. */
  readonly nextDelivery: () => { readonly now: number; readonly later: boolean };
  /** Commands of this tick. */
  readonly commands: () => readonly Command[];
}

export function createAdversary({ requestFaults, outages, deliveryFaults, commands }: Scenario): Adversary {
  const requestFaultAt = new Map(requestFaults.map(({ request, fault }) => [request, fault]));
  const deliveryFaultAt = new Map(deliveryFaults.map(({ delivery, fault }) => [delivery, fault]));
  let [tick, requests, deliveries, sdkRetries] = [0, 0, 0, 0];
  const isPaused = commands.some(({ command }) => command.kind === 'pause');
  const isFaultPhase = () => tick <= FAULT_TICKS;

  return {
    tick: () => tick,
    isFaultPhase,
    nextTick: () => {
      tick++;
    },
    nextFault: ({ isConditional, isWrite }) => {
      if (!isFaultPhase()) return undefined;
      const request = requests++;
      const outage = outages.find(
        ({ from, requests: length, kind }) =>
          request >= from && request < from + length && (kind === 'away' || isWrite),
      );
      if (outage) return outage.kind;
      const fault = requestFaultAt.get(request);
      if (fault !== undefined && fault !== 'sdk-retry') return fault;
      // Only a conditional write fails when it is repeated, so the fault waits for the next one.
      if (fault === 'sdk-retry') sdkRetries++;
      if (!isConditional || sdkRetries === 0) return undefined;
      sdkRetries--;
      return 'sdk-retry';
    },
    nextDelivery: () => {
      const fault = isFaultPhase() ? deliveryFaultAt.get(deliveries++) : undefined;
      const copies = { duplicated: 2, delayed: 0, lost: 0 };
      return { now: fault ? copies[fault] : 1, later: fault === 'delayed' };
    },
    commands: () =>
      isPaused && !isFaultPhase() && tick <= FAULTS_OVER_TICK
        ? [{ kind: 'resume' }]
        : commands.filter((scheduled) => scheduled.tick === tick).map(({ command }) => command),
  };
}
