import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { collect } from '../../lib/async.ts';
import { createObjectStorage } from '../../lib/aws/objects.ts';
import { createQueues } from '../../lib/aws/queues.ts';
import { type FederationKey, federationKeys, type SiteKey, siteKeys } from '../../lib/federation/keys.ts';
import {
  catalogSchema,
  commitSchema,
  type Outcome,
  outcomeSchema,
  rejectedSchema,
  type SentObject,
  type Summary,
  summarySchema,
} from '../../lib/federation/schemas.ts';
import { names } from '../../lib/federation/topology.ts';
import { readJson, tryReadJson } from '../../lib/storage/documents.ts';
import { readSentLog } from '../../lib/storage/sent-log.ts';
import { storesOf } from '../../lib/storage/stores.ts';
import { CAMPAIGN, FEDERATION, HOSPITALS, isHospital, queuesOf, ROUNDS, SITES } from './federation.ts';
import type { Storage } from './plan.ts';
import type { World } from './world.ts';

/** A request or a message that a process has recorded (processes/preload.mjs). */
export type Recorded =
  | {
      readonly kind: 'asked' | 'answered';
      readonly subject: string;
      readonly method: 'PUT' | 'DELETE';
      /** Whether it creates an object that must not exist yet. */
      readonly once: boolean;
      readonly status?: number;
      readonly etag?: string;
    }
  | { readonly kind: 'messages'; readonly subject: string; readonly ids: readonly string[]; readonly body?: string };

/** A round as it was committed, without times. */
export interface Committed {
  readonly round: string;
  readonly sites: readonly string[];
  readonly samples: number;
  readonly figures: Readonly<Record<string, number>>;
  /** SHA-256 of the global model. */
  readonly model: string | undefined;
}

interface DeadLetter {
  readonly queue: string;
  readonly id: string;
  readonly body: string;
}

/** What is left of a campaign when it has ended. */
export interface Evidence {
  readonly outcome: Pick<Outcome, 'status' | 'reason'>;
  readonly commits: readonly Committed[];
  /** What `verify` says. */
  readonly verified: readonly string[];
  /** ETags of all objects by bucket and key: "/heart-federation/tasks.json". */
  readonly objects: Readonly<Record<string, string>>;
  readonly recorded: readonly Recorded[];
  readonly deadLetters: readonly DeadLetter[];
  /** Why messages were refused, by id: what they ask for was wrong. Others that failed lacked something. */
  readonly refused: Readonly<Record<string, string>>;
  /** Messages that are still in a queue. */
  readonly waiting: Readonly<Record<string, number>>;
  readonly summaries: Readonly<Record<string, Summary>>;
  /** Cases in the catalog, and rejected ones with the reason. */
  readonly cataloged: Readonly<Record<string, readonly string[]>>;
  readonly rejected: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly otherOutcomes: Readonly<Record<string, string>>;
  readonly sent: Readonly<Record<string, readonly SentObject[]>>;
  /** What processes met that must not happen. */
  readonly faults: readonly string[];
}

export function storesAt(world: World) {
  const open = (storage: Storage) => createObjectStorage({ endpoint: world.endpointOf(storage) });
  const { federationStore } = storesOf(open('cloud'), FEDERATION.id);
  const sites = Object.fromEntries(
    SITES.map((site) => [site, storesOf(open(isHospital(site) ? site : 'cloud'), FEDERATION.id).siteStore(site)]),
  );
  return { federationStore, siteStore: (site: string) => sites[site]! };
}

export type WorldStores = ReturnType<typeof storesAt>;

/** The queues on each server, with their dead letters. */
export function queuesAt(world: World) {
  const { orchestrateQueue, aggregateQueue } = names;
  const cloud = [
    orchestrateQueue(FEDERATION.id),
    aggregateQueue(FEDERATION.id),
    ...SITES.flatMap((site) => [queuesOf(site).tasks, ...(isHospital(site) ? [] : [queuesOf(site).intake])]),
  ];
  const at = (storage: Storage, queues: readonly string[]) => ({
    storage,
    queues,
    client: createQueues({ endpoint: world.endpointOf(storage) }),
  });
  return [at('cloud', cloud), ...HOSPITALS.map((site) => at(site, [queuesOf(site).intake]))];
}

export type WorldQueues = ReturnType<typeof queuesAt>;

export async function outcomeIn({ federationStore }: WorldStores, campaign = CAMPAIGN.id) {
  return (await tryReadJson(federationStore, federationKeys.outcome(campaign), outcomeSchema))?.value;
}

/** How many messages are left. A hidden one may stay for an hour, if it was received and its receiver died. */
export async function messagesLeft(queues: WorldQueues): Promise<Readonly<Record<string, number>>> {
  const left: Record<string, number> = {};
  for (const { storage, queues: names, client } of queues) {
    for (const name of names) {
      const { waiting, inFlight } = await client.depth(name);
      // The cloud's server is started again at the end, after which nothing is hidden.
      const count = storage === 'cloud' ? waiting + inFlight : waiting;
      if (count > 0) left[name] = count;
    }
  }
  return left;
}

export async function readEvidence(
  world: World,
  verified: readonly string[],
  others: readonly string[],
): Promise<Evidence> {
  const stores = storesAt(world);
  const queues = queuesAt(world);
  const { federationStore, siteStore } = stores;
  const summaries: Record<string, Summary> = {};
  const cataloged: Record<string, readonly string[]> = {};
  const rejected: Record<string, Readonly<Record<string, string>>> = {};
  const objects: Record<string, string> = {};
  const list = async (
    bucket: string,
    store: { list: (prefix: never) => AsyncIterable<{ key: string; etag: string }> },
  ) => {
    for await (const { key, etag } of store.list('' as never)) objects[`/${bucket}/${key}`] = etag;
  };
  await list(names.federationBucket(FEDERATION.id), federationStore);
  for (const site of SITES) {
    const store = siteStore(site);
    await list(names.siteBucket(FEDERATION.id, site), store);
    const summary = await tryReadJson(federationStore, federationKeys.summary(site), summarySchema);
    if (summary) summaries[site] = summary.value;
    cataloged[site] = await casesBelow(store, siteKeys.catalogPrefix, (key) => readJson(store, key, catalogSchema));
    const refusals = (await collect(store.list(siteKeys.rejectedPrefix))).map(async ({ key }) => {
      const { value } = await readJson(store, key, rejectedSchema);
      return [nameOf(key), JSON.stringify(value)] as const;
    });
    rejected[site] = Object.fromEntries(await Promise.all(refusals));
  }
  const otherOutcomes: Record<string, string> = {};
  for (const campaign of others) otherOutcomes[campaign] = (await outcomeIn(stores, campaign))?.status ?? 'none';
  const outcome = await outcomeIn(stores);
  return {
    outcome: outcome ?? { status: 'failed', reason: 'There is no outcome.' },
    commits: await commitsIn(stores),
    verified,
    objects,
    recorded: recordedIn(world.directory),
    deadLetters: await deadLettersIn(queues),
    refused: refusedIn(world),
    waiting: await messagesLeft(queues),
    summaries,
    cataloged,
    rejected,
    otherOutcomes,
    sent: Object.fromEntries(HOSPITALS.map((site) => [site, sentBy(world, site)])),
    faults: [...world.journal.faults],
  };
}

async function casesBelow(
  store: ReturnType<WorldStores['siteStore']>,
  prefix: SiteKey,
  read: (key: SiteKey) => Promise<unknown>,
): Promise<readonly string[]> {
  const keys = (await collect(store.list(prefix))).map(({ key }) => key);
  for (const key of keys) await read(key);
  return keys.map(nameOf);
}

const nameOf = (key: string): string => (key.split('/').at(-1) as string).replace(/\.json$/, '');

async function commitsIn({ federationStore }: WorldStores): Promise<readonly Committed[]> {
  const commits: Committed[] = [];
  for (const round of ROUNDS) {
    const [stage, number] = round.split('#') as [string, string];
    const at = { campaign: CAMPAIGN.id, stage, round: Number(number) };
    const found = await tryReadJson(federationStore, federationKeys.commit(at), commitSchema);
    if (!found) continue;
    const { sites, samples, figures, global } = found.value;
    commits.push({ round, sites, samples, figures, model: global?.sha256 });
  }
  return commits;
}

const refusedIn = ({ journal }: World): Readonly<Record<string, string>> =>
  Object.fromEntries(
    journal.log
      .filter(({ event, fields }) => event === 'record-failed' && fields.code === 'BAD_MESSAGE')
      .map(({ fields }) => [fields.messageId, fields.reason]),
  );

async function deadLettersIn(queues: WorldQueues): Promise<readonly DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for (const { queues: names_, client } of queues) {
    for (const name of names_) {
      const queue = names.deadLetterQueue(name);
      for (;;) {
        const messages = await client.receive(queue, { max: 10, waitSeconds: 0 });
        letters.push(...messages.map(({ id, body }) => ({ queue, id, body })));
        if (messages.length === 0) break;
      }
    }
  }
  return letters;
}

function recordedIn(directory: string): readonly Recorded[] {
  const folder = join(directory, 'records');
  return readdirSync(folder).flatMap((file) =>
    readFileSync(join(folder, file), 'utf8')
      .split('\n')
      .flatMap((line) => {
        try {
          return line === '' ? [] : [JSON.parse(line) as Recorded];
        } catch {
          // The last line of a process that was killed.
          return [];
        }
      }),
  );
}

function sentBy(world: World, site: string): readonly SentObject[] {
  const file = join(world.directory, `${site}.sent.jsonl`);
  return existsSync(file) ? readSentLog(file) : [];
}

export const federationKey = (key: string): FederationKey => key as FederationKey;
