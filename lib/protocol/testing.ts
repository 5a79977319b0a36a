import { federationKeys, siteKeys } from '../federation/keys.ts';
import type { Aggregation, Consent, Federation, Open, Update } from '../federation/schemas.ts';
import { campaignSchema, openSchema } from '../federation/schemas.ts';
import { consentDocument, TEACHER_STAGE } from '../federation/testing.ts';
import { canonicalJson, sha256Hex } from '../json.ts';
import type { FederationStore, Stores } from '../storage/contract.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { encodeSafetensors } from '../weights/safetensors.ts';
import type { RoundContext } from './context.ts';
import { planCampaign } from './plan.ts';

/** Helpers of tests of one open round. */

const NOW = new Date('2026-03-02T08:00:00.000Z');
export const ROUND = { campaign: 'tavi', stage: TEACHER_STAGE.name, round: 1 };

export interface OpenRound {
  readonly context: RoundContext;
  readonly store: FederationStore;
  readonly open: Open;
  /** Keys that were read, in order. */
  readonly reads: string[];
  readonly logged: { readonly event: string; readonly fields: Readonly<Record<string, unknown>> }[];
}

/** Stores a plan for the campaign of `gpuTaskMessage`, and a site's consent to it with the given fields replaced. */
export async function storeConsent(
  { federationStore, siteStore }: Stores,
  fields: Partial<Consent> = {},
): Promise<void> {
  const campaign = campaignSchema.parse({
    schema: 'fedcardio.campaign/1',
    id: ROUND.campaign,
    stages: [TEACHER_STAGE],
  });
  const plan = canonicalJson(planCampaign(campaign.id, { value: campaign, sha256: sha256Hex('') }, NOW));
  await federationStore.put(federationKeys.plan(campaign.id), plan);
  const consent = consentDocument({ campaign: campaign.id, plan: sha256Hex(plan), ...fields });
  await siteStore(consent.site).put(siteKeys.consent(campaign.id), canonicalJson(consent));
}

/** A first round of these sites, in memory, that closes when all have answered and merges two updates or more. */
export async function openRoundOf(sites: readonly string[], aggregation?: Aggregation): Promise<OpenRound> {
  const store: FederationStore = createMemoryStorage({ now: () => NOW })('heart');
  const reads: string[] = [];
  const logged: OpenRound['logged'] = [];
  const federation: Federation = {
    schema: 'fedcardio.federation/1',
    id: 'heart',
    sites: sites.map((id) => ({ id, name: id })),
  };
  const open = openSchema.parse({
    schema: 'fedcardio.open/1',
    ...ROUND,
    at: NOW.toISOString(),
    deadline: '2026-03-03T08:00:00.000Z',
    config: {
      ...TEACHER_STAGE,
      quorum: { ...TEACHER_STAGE.quorum, minSites: 2 },
      aggregation: aggregation ?? TEACHER_STAGE.aggregation,
    },
    seed: 0,
    participants: sites.map((site) => ({ site, samples: 4, summary: '"etag"' })),
    quorum: sites.length,
    base: null,
    previous: 'a'.repeat(64),
  });
  await store.put(federationKeys.open(ROUND), canonicalJson(open));
  const observed: FederationStore = {
    ...store,
    tryGet: (key, ...limit) => {
      reads.push(key);
      return store.tryGet(key, ...limit);
    },
  };
  const context: RoundContext = {
    federation,
    federationStore: observed,
    now: () => NOW,
    log: (event, fields) => {
      logged.push({ event, fields });
    },
  };
  return { context, store, open, reads, logged };
}

/** Stores a site's update with these values, or with this file. */
export async function answer(
  { store }: OpenRound,
  site: string,
  values: readonly number[] | Uint8Array,
  change: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const tensor = (data: Float32Array) => ({ dtype: 'F32' as const, shape: [data.length], data });
  const file =
    values instanceof Uint8Array ? values : encodeSafetensors(new Map([['w', tensor(Float32Array.from(values))]]));
  const sha256 = sha256Hex(file);
  const key = federationKeys.updateWeights(ROUND, site, sha256);
  const update: Update = {
    schema: 'fedcardio.update/1',
    ...ROUND,
    site,
    at: NOW.toISOString(),
    status: 'ok',
    samples: 1,
    weights: { key, sha256, bytes: file.length, delta: false },
    base: null,
    figures: { loss: 1 },
    seconds: 1,
  };
  await store.put(key, file);
  await store.put(federationKeys.update(ROUND, site, sha256), canonicalJson({ ...update, ...change }));
}

/** The round's context for a process that seals the round and crashes before its commit. */
export function crashingBeforeCommit({ context }: OpenRound): RoundContext {
  const { federationStore } = context;
  const putIfAbsent: typeof federationStore.putIfAbsent = async (key, body) => {
    if (key === federationKeys.commit(ROUND)) throw new Error('crash');
    return federationStore.putIfAbsent(key, body);
  };
  return { ...context, federationStore: { ...federationStore, putIfAbsent } };
}
