import { READINESS_GROUPS } from '../../../page/api/hospital/names.ts';
import type { ReadinessState } from '../../../page/api/hospital/readiness.ts';
import { attempt, type Finding } from '../../doctor/finding.ts';
import { checkMachine } from '../../doctor/machine.ts';
import { checkConnection, checkFederation, isReached } from '../../doctor/remote.ts';
import type { PageContext } from '../context.ts';
import { createLive, type Live } from './live.ts';

type Group = (typeof READINESS_GROUPS)[number];

export interface ReadinessJob {
  readonly live: Live<ReadinessState | undefined>;
  /** Checks in the background, unless it is doing so. */
  start(): void;
}

/** Runs the checks of `doctor` for the page's site, group after group. */
export function createReadinessJob({
  endpoint,
  federation: { id },
  declared,
  site,
  now,
  machine,
}: PageContext): ReadinessJob {
  const live = createLive<ReadinessState | undefined>(undefined);
  const place = { endpoint, id, declared, site };
  const found = (group: Group, findings: readonly Finding[]) => {
    const state = live.get() as ReadinessState;
    const groups = state.groups.map((one) => (one.group === group ? { group, findings: [...findings] } : one));
    live.set({ ...state, groups });
  };
  /** A check that throws is a finding, too. */
  const failSafe = async (group: Group, find: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> => {
    let findings: readonly Finding[] = [];
    const failure = await attempt(group, async () => {
      findings = await find();
      return { check: group, status: 'ok', found: '' };
    });
    const all = failure.status === 'ok' ? findings : [failure];
    found(group, all);
    return all;
  };
  const run = async () => {
    await failSafe('machine', () => checkMachine({ data: machine?.pseudonyms ?? '.' }));
    const connection = await failSafe('connection', () => checkConnection(place));
    await failSafe('federation', async () => (isReached(connection) ? checkFederation(place) : []));
    live.set({ ...(live.get() as ReadinessState), isRunning: false, endedAt: now().toISOString() });
  };
  return {
    live,
    start() {
      if (live.get()?.isRunning) return;
      const groups = READINESS_GROUPS.map((group) => ({ group }));
      live.set({ isRunning: true, startedAt: now().toISOString(), groups });
      void run();
    },
  };
}
