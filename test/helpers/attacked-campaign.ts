import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HandlerContext } from '../../handlers/context.ts';
import { collect } from '../../lib/async.ts';
import {
  type CaseUse,
  type FederationKey,
  federationKeys,
  type RoundAddress,
  roundOf,
  siteKeys,
} from '../../lib/federation/keys.ts';
import {
  type CampaignInput,
  commitSchema,
  type Federation,
  type GpuTaskMessage,
  outcomeSchema,
  summarySchema,
} from '../../lib/federation/schemas.ts';
import { names } from '../../lib/federation/topology.ts';
import { hingeMarkups, image } from '../../lib/intake/testing.ts';
import { verifyCampaign } from '../../lib/protocol/verify-campaign.ts';
import { readJson, tryReadJson } from '../../lib/storage/documents.ts';
import type { OutageEvent } from '../../lib/storage/outages.ts';
import type { FaultsInput } from '../../local/emulator/faults/configuration.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../../local/emulator/server.ts';
import { type ClosableLauncher, type Platform, startPlatform } from '../../local/platform.ts';
import { ATTACKS, type Attack, attackRound } from '../protocol/attacks.ts';
import { createHistory, type History } from '../protocol/history.ts';
import { smallCampaignWith } from '../protocol/simulated-campaign.ts';
import { answerGpuTask, type SimulatedSite } from '../protocol/simulated-site.ts';
import { asSiteRole } from './roles.ts';

/** What happens to a campaign beside its honest sites. */
export interface Adversities {
  /** The third site attacks with the access of its GPU tasks and its intake, instead of failing. */
  readonly isHostile?: boolean;
  /** No event of an upload arrives. */
  readonly losesUploads?: boolean;
  /** The server goes away, and its disk is full, for a second each in every round. */
  readonly hasOutages?: boolean;
  /** Other faults of the server, while rounds run. */
  readonly faults?: FaultsInput['rules'];
}

export interface AttackedCampaign {
  readonly status: string;
  /** What the rounds have committed, without times. */
  readonly commits: readonly object[];
  /** What `verify` finds, with the round. */
  readonly faults: readonly string[];
  readonly attacks: number;
  readonly outages: readonly OutageEvent[];
}

/** The third site is honest in the first round. Then it fails, or attacks before the others answer. */
const SITES: readonly SimulatedSite[] = [
  { id: 'bonn', samples: 1, behaviour: 'good' },
  { id: 'kiel', samples: 2, behaviour: 'good' },
  { id: 'mallory', samples: 1, behaviour: 'good' },
];
const MALLORY = SITES[2] as SimulatedSite;
const FEDERATION: Federation = {
  schema: 'fedcardio.federation/1',
  id: 'heart',
  sites: SITES.map(({ id }) => ({ id, name: id })),
};
/** A round closes when all have answered, so that it always merges the same sites. */
const CAMPAIGN: CampaignInput = smallCampaignWith({ minSites: 2, minFraction: 1, deadlineSeconds: 3600 });
const OUTAGE_MS = 1000;
/** An object that means nothing to anybody. */
const NOTE = 'note.txt' as FederationKey;
/** Longest wait on a busy machine. */
const AWAIT_MS = 240_000;

/** Runs a campaign from the upload of cases to its outcome, over HTTP with real handlers and simulated GPU tasks. */
export async function runAttackedCampaign(adversities: Adversities): Promise<AttackedCampaign> {
  const dataDir = await mkdtemp(join(tmpdir(), 'fedcardio-attacked-'));
  const failures: unknown[] = [];
  const outages: OutageEvent[] = [];
  const startServer = (port?: number) =>
    startEmbeddedServer({ dataDir, ...(port && { port }), onFailure: (error) => failures.push(error) });
  let server = await startServer();
  let attacks = 0;
  const rules = rulesOf(adversities);
  const setRules = (extra: FaultsInput['rules'] = []) => setFaults(server, [...extra, ...rules]);

  /** Before anybody answers in a round. */
  const prepare = once(async (context: HandlerContext, at: RoundAddress) => {
    if (adversities.isHostile && isHostileIn(at)) attacks += await attackEverything(context, at);
    if (!adversities.hasOutages) return;
    await setRules([{ fault: 'disk-full', operations: ['PutObject'] }]);
    // Something is written meanwhile, else nobody would notice.
    const written = context.federationStore.put(NOTE, federationKeys.round(at));
    await sleep(OUTAGE_MS);
    const { port } = server;
    await server.close();
    await sleep(OUTAGE_MS);
    server = await startServer(port);
    await setRules();
    await written;
  });
  const answer = async (context: HandlerContext, message: GpuTaskMessage) => {
    const site = SITES.find(({ id }) => id === message.site) as SimulatedSite;
    await prepare(context, message);
    if (site !== MALLORY || !isHostileIn(message)) return answerGpuTask(context, site, message);
    if (!adversities.isHostile) return answerGpuTask(context, { ...MALLORY, behaviour: 'fails' }, message);
  };

  let platform: Platform | undefined;
  try {
    platform = await startPlatform({
      federation: FEDERATION,
      server: { endpoint: server.endpoint },
      gpuTasks: (context) => launcherOf((message) => answer(context as HandlerContext, message)),
      sweep: { everySeconds: 0.3, resendAfterSeconds: 1, rescanEverySeconds: 0.3 },
      retrySeconds: 1,
      onOutage: (event) => outages.push(event),
    });
    await setRules();
    await uploadCases(platform);
    const { federationStore } = platform.context;
    await federationStore.put(federationKeys.campaign(CAMPAIGN.id), JSON.stringify(CAMPAIGN));
    const outcome = await until(() => tryReadJson(federationStore, federationKeys.outcome(CAMPAIGN.id), outcomeSchema));
    await setFaults(server, []);
    if (failures.length > 0) throw new AggregateError(failures, 'The embedded server failed.');
    return { status: outcome.value.status, ...(await resultOf(platform.context)), attacks, outages };
  } finally {
    await platform?.close();
    await server.close();
    await rm(dataDir, { recursive: true });
  }
}

const isHostileIn = ({ stage, round }: RoundAddress): boolean => stage !== 'teacher' || round > 1;

const rulesOf = ({ losesUploads, faults = [] }: Adversities): FaultsInput['rules'] => [
  ...(losesUploads ? SITES : []).map(({ id }) => ({
    fault: 'drop' as const,
    target: `^${names.intakeQueue(FEDERATION.id, id)}$`,
  })),
  ...faults,
];

async function setFaults({ endpoint }: EmbeddedServer, rules: FaultsInput['rules']): Promise<void> {
  const response = await fetch(`${endpoint}/_fedcardio/faults`, { method: 'PUT', body: JSON.stringify({ rules }) });
  if (!response.ok) throw new Error(await response.text());
}

/** Uploads each site's cases, and as many for evaluation, and waits until they are counted. */
async function uploadCases({ context }: Platform): Promise<void> {
  let seed = 0;
  for (const { id, samples } of SITES) {
    const store = context.siteStore(id);
    for (const use of ['training', 'evaluation'] satisfies CaseUse[]) {
      for (let n = 1; n <= samples; n++) {
        await store.put(siteKeys.image(use, `${use}-${n}`), image(++seed));
        await store.put(siteKeys.markups(use, `${use}-${n}`, 'hinge-points'), hingeMarkups());
      }
    }
  }
  for (const { id, samples } of SITES) {
    await until(async () => {
      const summary = await tryReadJson(context.federationStore, federationKeys.summary(id), summarySchema);
      const { labelled, labelledEvaluation } = summary?.value ?? {};
      return labelled?.['hinge-points'] === samples && labelledEvaluation?.['hinge-points'] === samples;
    });
  }
}

/** Attacks a round in every way, and the sealed rounds before it. Returns the number of attacks. */
async function attackEverything(context: HandlerContext, at: RoundAddress): Promise<number> {
  const { federationStore, now } = asSiteRole(context, MALLORY.id, 'task');
  const intakeStore = asSiteRole(context, MALLORY.id, 'intake').federationStore;
  const history = await historyOf(context);
  const attackContext = { federationStore, intakeStore, now, history, onUsable: () => undefined };
  const first = { ...at, stage: 'teacher', round: 1 };
  let count = 0;
  for (const attack of ATTACKS) {
    for (const variant of variantsOf(attack)) {
      await attackRound(attackContext, MALLORY, attack === 'replace' ? first : at, { attack, variant });
      count++;
    }
  }
  return count;
}

/** All forms of an attack that are not, in spite of their strange names, an update like any other. */
function variantsOf(attack: Attack): readonly number[] {
  if (attack === 'flood' || attack === 'replace') return [0];
  if (attack === 'prototype-keys') return [2, 3];
  return Array.from({ length: attack === 'summary' ? 18 : 8 }, (_, variant) => variant);
}

/** What is stored of the campaign. */
async function historyOf({ federationStore }: HandlerContext): Promise<History> {
  const history = createHistory();
  for (const { key } of await collect(federationStore.list('' as FederationKey))) {
    if (roundOf(key)?.campaign === CAMPAIGN.id) history.record(key, (await federationStore.get(key)).body);
  }
  return history;
}

async function resultOf({ federationStore }: HandlerContext): Promise<Pick<AttackedCampaign, 'commits' | 'faults'>> {
  const { faults, rounds } = await verifyCampaign(federationStore, CAMPAIGN.id);
  const commits = rounds.map(async ({ at }) => {
    const { value } = await readJson(federationStore, federationKeys.commit(at), commitSchema);
    const { stage, round, sites, samples, global, figures } = value;
    return { stage, round, sites, samples, model: global?.sha256, figures };
  });
  const found = rounds.flatMap((round) => round.faults.map((fault) => `${round.at.stage} ${round.at.round}: ${fault}`));
  return { commits: await Promise.all(commits), faults: [...faults, ...found] };
}

/** Runs each GPU task once at a time. Drops one that fails; the sweep sends it again. */
function launcherOf(answer: (message: GpuTaskMessage) => Promise<void>): ClosableLauncher {
  const running = new Map<string, Promise<void>>();
  return {
    submit: async (message) => {
      const task = federationKeys.siteUpdates(message, message.site);
      if (running.has(task)) return;
      const run = answer(message).catch(() => undefined);
      running.set(
        task,
        run.finally(() => running.delete(task)),
      );
    },
    close: () => Promise.all(running.values()),
  };
}

/** Does the work of a round once, again if it failed. All callers wait for it. */
function once(work: (context: HandlerContext, at: RoundAddress) => Promise<void>): typeof work {
  const done = new Map<string, Promise<void>>();
  return (context, at) => {
    const key = federationKeys.round(at);
    const known = done.get(key) ?? work(context, at);
    done.set(key, known);
    known.catch(() => done.delete(key));
    return known;
  };
}

/** The first result that is neither undefined nor false. */
async function until<T>(find: () => Promise<T | undefined | false>): Promise<T> {
  const end = Date.now() + AWAIT_MS;
  while (Date.now() < end) {
    const found = await find();
    if (found !== undefined && found !== false) return found;
    await sleep(100);
  }
  throw new Error(`It did not happen within ${AWAIT_MS} ms.`);
}
