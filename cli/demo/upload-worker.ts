import { createObjectStorage } from '../../lib/aws/objects.ts';
import { describeError } from '../../lib/error.ts';
import { createWaitOut, type OutageEvent, waitingStore } from '../../lib/storage/outages.ts';
import { storesOf, wrapBuckets } from '../../lib/storage/stores.ts';
import { caseFiles } from './case-files.ts';
import { allCases, type Profile, scenarioOf } from './scenario.ts';

/** Orders one case. Answered when all its files are uploaded. The process ends when its parent disconnects. */
export interface UploadOrder {
  readonly endpoint: string;
  readonly profile: Profile;
  readonly seed: number;
  readonly site: string;
  readonly caseId: string;
}

export type UploadAnswer =
  | { readonly status: 'uploaded' }
  /** The upload waits for the storage, or has waited. */
  | { readonly status: 'outage'; readonly outage: OutageEvent }
  | { readonly status: 'failed'; readonly reason: string };

const answer = (message: UploadAnswer) => process.send?.(message);
const waitOut = createWaitOut({ now: () => new Date(), onEvent: (outage) => answer({ status: 'outage', outage }) });

process.on('message', (order: UploadOrder) => {
  upload(order).then(
    () => answer({ status: 'uploaded' }),
    (error: unknown) => answer({ status: 'failed', reason: describeError(error) }),
  );
});

async function upload({ endpoint, profile, seed, site, caseId }: UploadOrder): Promise<void> {
  const scenario = scenarioOf({ profile, seed });
  const demoCase = allCases(scenario).find((candidate) => candidate.site.id === site && candidate.caseId === caseId);
  if (!demoCase) throw new Error(`The scenario has no case ${site}/${caseId}.`);
  const openBucket = wrapBuckets(createObjectStorage({ endpoint }), (store) => waitingStore(store, waitOut));
  const store = storesOf(openBucket, scenario.federation.id).siteStore(site);
  for (const { key, body, contentType } of caseFiles(demoCase, seed)) await store.put(key, body, { contentType });
}
