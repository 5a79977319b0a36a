import { mapConcurrently } from '../../lib/async.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import { type CampaignInput, type Federation, outcomeSchema, type Summary } from '../../lib/federation/schemas.ts';
import { canonicalJson } from '../../lib/json.ts';
import type { FederationStore } from '../../lib/storage/contract.ts';
import { readJson } from '../../lib/storage/documents.ts';

/** Campaigns of one stage, at sites with ten cases each. */

export const federationOf = (sites: number): Federation => ({
  schema: 'fedcardio.federation/1',
  id: 'bench',
  sites: Array.from({ length: sites }, (_, index) => ({ id: `site-${index}`, name: `Site ${index}` })),
});

export async function putSummaries(store: FederationStore, { sites }: Federation): Promise<void> {
  await mapConcurrently(sites, 32, ({ id }) => store.put(federationKeys.summary(id), canonicalJson(summaryOf(id))));
}

const summaryOf = (site: string): Summary => ({
  schema: 'fedcardio.summary/1',
  site,
  at: new Date().toISOString(),
  cases: { training: 10, evaluation: 0, rejected: 0 },
  labelled: { 'hinge-points': 10 },
  labelledEvaluation: {},
});

/** Starts a campaign. */
export async function upload(store: FederationStore, id: string, rounds: number): Promise<void> {
  await store.put(federationKeys.campaign(id), JSON.stringify(campaignOf(id, rounds)));
}

const campaignOf = (id: string, rounds: number): CampaignInput => ({
  schema: 'fedcardio.campaign/1',
  id,
  stages: [
    {
      kind: 'teacher',
      name: 'teacher/hinge-points',
      task: 'hinge-points',
      rounds,
      model: { kind: 'unet', features: [4, 8] },
      training: { steps: 1, learningRate: 1e-3 },
    },
  ],
});

/** @throws Error if a campaign that has ended did not complete */
export async function requireCompleted(store: FederationStore, id: string): Promise<void> {
  const { value } = await readJson(store, federationKeys.outcome(id), outcomeSchema);
  if (value.status !== 'completed') throw new Error(`The campaign ended as ${value.status}: ${value.reason}`);
}

/** `Promise.withResolvers` requires Node 22. */
export function deferred() {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
