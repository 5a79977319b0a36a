import { collect, mapConcurrently } from '../async.ts';
import { type CaseUse, federationKeys, type SiteKey, siteKeys } from '../federation/keys.ts';
import { type CatalogEntry, catalogSchema, type Summary, summarySchema } from '../federation/schemas.ts';
import { isComplete, TASK_IDS, type TaskId } from '../federation/tasks.ts';
import type { FederationStore, ObjectInfo } from '../storage/contract.ts';
import type { SiteContext } from './reconcile.ts';
import { readStored, reconcileDocument, retryOnConflict, type Stored } from './stored.ts';

/** What a summary counts of a catalog entry. */
interface Counted {
  readonly etag: string;
  readonly use: CaseUse;
  readonly tasks: readonly TaskId[];
}

/** Catalog entries that are known, by bucket and key: each is read at most once per version and process. */
export type SummaryCache = Map<string, Counted>;
export const createSummaryCache = (): SummaryCache => new Map();

/** Saves the next count the reading of an entry that intake has just stored or read. */
export function noteEntry(cache: SummaryCache, bucket: string, { etag, value }: Stored<CatalogEntry>): void {
  if (value) cache.set(`${bucket}/${siteKeys.catalog(value.case)}`, countsOf(etag, value));
}

const READS_AT_ONCE = 16;

/**
 * Makes the site's summary in the federation bucket count what the site's catalog has now. It is counted anew each
 * time, never added to, and written only over what was read before counting. Costs a listing and the entries that
 * `cache` lacks.
 *
 * The first count is written even where it changes nothing: a slower one that was begun before it then finds another
 * summary than it read, and counts again. Who loses in this way, and then finds what it has counted, is done.
 *
 * @param federationBucket the one bucket outside the hospital that is written to, and only with counts
 */
export async function refreshSummary(
  context: SiteContext,
  federationStore: FederationStore,
  cache: SummaryCache,
): Promise<void> {
  const { store, site, now } = context;
  const key = federationKeys.summary(site);
  let isFirst = true;
  await retryOnConflict(`The summary of ${site}`, async () => {
    const stored = await readStored(federationStore, key, summarySchema);
    const [entries, rejected] = await Promise.all([
      collect(store.list(siteKeys.catalogPrefix)),
      collect(store.list(siteKeys.rejectedPrefix)),
    ]);
    const counted = await mapConcurrently(entries, READS_AT_ONCE, (info) => countedOf(context, info, cache));
    const known = counted.filter((entry) => entry !== undefined);
    const before = isFirst && stored ? { etag: stored.etag, value: undefined } : stored;
    isFirst = false;
    await reconcileDocument(federationStore, key, before, summaryOf(site, known, rejected.length, now()));
  });
}

async function countedOf(
  { store }: SiteContext,
  { key, etag }: ObjectInfo<SiteKey>,
  cache: SummaryCache,
): Promise<Counted | undefined> {
  const at = `${store.bucket}/${key}`;
  const known = cache.get(at);
  if (known?.etag === etag) return known;
  const stored = await readStored(store, key, catalogSchema);
  if (!stored?.value) return undefined;
  const counted = countsOf(stored.etag, stored.value);
  cache.set(at, counted);
  return counted;
}

const countsOf = (etag: string, { use, labels }: CatalogEntry): Counted => ({
  etag,
  use,
  tasks: TASK_IDS.filter((task) => {
    const label = labels[task];
    return label && (use === 'evaluation' || isComplete(task, label.classes));
  }),
});

function summaryOf(site: string, entries: readonly Counted[], rejected: number, at: Date): Summary {
  const of = (use: CaseUse) => entries.filter((entry) => entry.use === use);
  const labelled = (use: CaseUse) =>
    Object.fromEntries(TASK_IDS.map((task) => [task, of(use).filter(({ tasks }) => tasks.includes(task)).length]));
  return {
    schema: 'fedcardio.summary/1',
    site,
    at: at.toISOString(),
    cases: { training: of('training').length, evaluation: of('evaluation').length, rejected },
    labelled: labelled('training'),
    labelledEvaluation: labelled('evaluation'),
  };
}
