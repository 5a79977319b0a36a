import { collect, mapConcurrently } from '../async.ts';
import { type CaseUse, federationKeys, siteKeys } from '../federation/keys.ts';
import { type CatalogEntry, catalogSchema, type Summary, summarySchema } from '../federation/schemas.ts';
import { isComplete, TASK_IDS, type TaskId } from '../federation/tasks.ts';
import type { ObjectInfo } from '../storage/contract.ts';
import type { SiteContext } from './look.ts';
import { readStored, type Stored, settle, untilWon } from './stored.ts';

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
  federationBucket: string,
  cache: SummaryCache,
): Promise<void> {
  const { objects, bucket, site, now } = context;
  const key = federationKeys.summary(site);
  let isFirst = true;
  await untilWon(`The summary of ${site}`, async () => {
    const stored = await readStored(objects, federationBucket, key, summarySchema);
    const [entries, rejected] = await Promise.all([
      collect(objects.list(bucket, siteKeys.catalogPrefix)),
      collect(objects.list(bucket, siteKeys.rejectedPrefix)),
    ]);
    const counted = await mapConcurrently(entries, READS_AT_ONCE, (info) => countedOf(context, info, cache));
    const known = counted.filter((entry) => entry !== undefined);
    const before = isFirst && stored ? { etag: stored.etag, value: undefined } : stored;
    isFirst = false;
    await settle(objects, federationBucket, key, before, summaryOf(site, known, rejected.length, now()));
  });
}

async function countedOf(
  { objects, bucket }: SiteContext,
  { key, etag }: ObjectInfo,
  cache: SummaryCache,
): Promise<Counted | undefined> {
  const at = `${bucket}/${key}`;
  const known = cache.get(at);
  if (known?.etag === etag) return known;
  const stored = await readStored(objects, bucket, key, catalogSchema);
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
