import { setTimeout as sleep } from 'node:timers/promises';
import { names } from '../../lib/federation/topology.ts';
import { type Random, seededRandom } from '../../lib/random.ts';
import type { FaultsInput } from '../../local/emulator/faults/configuration.ts';
import { until } from './child.ts';
import { storesAt } from './evidence.ts';
import { CASES, FEDERATION, isHospital, queuesOf, type SiteId, volumeOf } from './federation.ts';
import { type Act, describeAct, type Plan } from './plan.ts';
import {
  otherCampaigns,
  poisonFor,
  sendPoison,
  startOtherCampaign,
  uploadDamaged,
  writeGarbageFiles,
  writeGarbageUpdates,
} from './poison.ts';
import { volume } from './volumes.ts';
import type { Strike, World } from './world.ts';

/** What the adversary has done so far. */
export interface Deeds {
  /** Positions of the acts that were carried out. */
  readonly acts: Set<number>;
  readonly poison: string[];
  readonly damaged: string[];
  readonly otherCampaigns: Record<string, 'failed' | 'none'>;
  /** How often the GPU task of a removal was killed. */
}

const POLL_MS = 25;
const INSIST_MS = 60_000;

/** Carries out a plan while the campaign runs. */
export function startAdversary(world: World, plan: Plan, say: (line: string) => void) {
  const deeds: Deeds = { acts: new Set(), poison: [], damaged: [], otherCampaigns: {} };
  const timers: NodeJS.Timeout[] = [];
  const working = new Set<Promise<unknown>>();
  const spoilt = new Set<string>();
  const stopping = new AbortController();

  const carryOut = (id: number, strike?: Strike): void => {
    const act = plan.acts[id] as Act;
    if (act.kind !== 'remove') say(`${id}. ${describeAct(act)}${strike ? ` [${strike.what}]` : ''}`);
    deeds.acts.add(id);
    const work = perform(act, id, strike).catch((error) => {
      world.journal.faults.push(`the adversary failed at act ${id}: ${(error as Error).stack}`);
    });
    working.add(work);
    void work.finally(() => working.delete(work));
  };

  async function perform(act: Act, id: number, strike: Strike | undefined): Promise<void> {
    const random = seededRandom('act', plan.seed, id);
    switch (act.kind) {
      case 'kill':
        // A process that struck itself is started again by whoever started it.
        if (!strike) world.kill(act.role, act.awayMs);
        return;
      case 'stop':
        return strike ? world.continueLater(strike.pid, act.ms) : world.pause(act.role, act.ms);
      case 'faults':
        return world.addFaults(act.of, act.rules, act.ms);
      case 'disk-full':
        if (act.how === 'limit' && process.platform === 'linux') return world.fillDisk(act.ms, act.spare);
        return world.addFaults(act.of, [{ fault: 'disk-full', operations: ['PutObject'] }], act.ms);
      case 'away':
        return isHospital(act.site)
          ? world.kill(act.site, act.ms)
          : world.addFaults('cloud', awayRules(act.site), act.ms);
      case 'upgrade':
        await world.upgrade(act.role, act.change === 'major');
        return act.change === 'major' ? upgradeCoordinatorWhenNeeded() : undefined;
      case 'poison':
        return poison(act, random, strike);
      case 'damaged CT': {
        const name = `damaged-${id}`;
        const { image } = volume(volumeOf(act.site, CASES[0].volume));
        deeds.damaged.push(`${act.site}/${name}`);
        await insist(() =>
          uploadDamaged(storesAt(world), act.site, name, act.what, image, seededRandom('damage', plan.seed, id)),
        );
        return;
      }
      case 'remove':
        say(`${id}. kill the GPU task of ${act.site} [${strike?.what}]`);
    }
  }

  /** The adversary's own requests meet its faults, too. */
  const insist = <T>(work: () => Promise<T>): Promise<T> =>
    until('a deed of the adversary', INSIST_MS, () =>
      work().then(
        (done) => ({ done }),
        () => undefined,
      ),
    ).then(({ done }) => done);

  async function poison({ what, site }: Extract<Act, { kind: 'poison' }>, random: Random, strike: Strike | undefined) {
    const stores = storesAt(world);
    if (what === 'messages') {
      const letters = poisonFor(site, random);
      deeds.poison.push(...letters.map(({ body }) => body));
      for (const letter of letters) await insist(() => sendPoison(world, site, letter));
    }
    if (what === 'files of a site') await insist(() => writeGarbageFiles(stores, site, random));
    if (what === 'other campaigns') {
      const others = otherCampaigns(random);
      Object.assign(deeds.otherCampaigns, Object.fromEntries(others.map(({ id, ends }) => [id, ends])));
      for (const other of others) await insist(() => startOtherCampaign(stores, other));
    }
    const round = /\/(updates\/.*\/)[^/]+$/.exec(strike?.what ?? '')?.[1];
    if (what !== 'updates of a site' || round === undefined || spoilt.has(round)) return;
    // More than eight answers of a site are not read.
    spoilt.add(round);
    await insist(() => writeGarbageUpdates(stores, round, seededRandom('garbage', plan.seed, round)));
  }

  /** The coordinator reads updates of the next major version after it was upgraded, and its rounds wait until then. */
  async function upgradeCoordinatorWhenNeeded(): Promise<void> {
    const isWaiting = () =>
      world.journal.log.some(
        ({ event, fields }) =>
          event.endsWith('failed') && /written by a newer release.*update\/2/.test(String(fields.reason)),
      );
    while (!stopping.signal.aborted && !isWaiting()) await sleep(POLL_MS);
    if (stopping.signal.aborted) return;
    say('   the coordinator cannot read what a site of the next major version writes: upgrade it');
    await world.upgrade('coordinator', false);
  }

  const watch = (async () => {
    while (!stopping.signal.aborted) {
      for (const strike of world.newStrikes()) carryOut(Number.parseInt(strike.id, 10), strike);
      await sleep(POLL_MS);
    }
  })();

  return {
    deeds,
    /** The uploads, or the campaign, begin. */
    begin(phase: 'uploads' | 'campaign'): void {
      for (const [id, { at }] of plan.acts.entries()) {
        if (!('phase' in at) || at.phase !== phase) continue;
        timers.push(setTimeout(() => carryOut(id), at.seconds * 1000));
      }
    },
    /** What has not happened does not happen any more; what has begun ends. */
    async stop(): Promise<void> {
      for (const timer of timers) clearTimeout(timer);
      stopping.abort();
      await watch;
      await Promise.all(working);
    },
  };
}

/** A site in the cloud that neither answers nor is reached. */
const awayRules = (site: SiteId): FaultsInput['rules'] => [
  { fault: 'slow-down', target: `^${names.siteBucket(FEDERATION.id, site)}(/|$)` },
  { fault: 'slow-down', target: `^${queuesOf(site).tasks}$` },
  { fault: 'slow-down', target: `^${queuesOf(site).intake}$` },
];
