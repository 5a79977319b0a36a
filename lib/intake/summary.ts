import { collect, mapConcurrently } from '../async.ts';
import { isFedcardioError } from '../error.ts';
import { type CaseUse, federationKeys, type SiteKey, siteKeys } from '../federation/keys.ts';
import { type CatalogEntry, catalogSchema, type Summary, summarySchema } from '../federation/schemas.ts';
import { isSmokeTest } from '../federation/smoke-test.ts';
import { isComplete, type Task, type TaskId } from '../federation/tasks.ts';
import type { FederationStore, ObjectInfo } from '../storage/contract.ts';
import { listDocuments } from '../storage/documents.ts';
import { VERSION } from '../version.ts';
import type { SiteContext } from './reconcile.ts';
import { createPairFinder, type PairFinder, type SketchedCase, type SuspectedPair } from './same-scan.ts';
import { readStored, reconcileDocument, retryOnConflict, type Stored } from './stored.ts';

/** The parts of a catalog entry that the summary counts. */
interface CountedEntry {
  readonly etag: string;
  readonly case: string;
  readonly use: CaseUse;
  readonly tasks: readonly TaskId[];
  readonly sketch: string | undefined;
}

/** Known catalog entries by bucket and key. A process reads each version at most once. */
export type SummaryCache = Map<string, CountedEntry>;
export const createSummaryCache = (): SummaryCache => new Map();

/** Adds an entry that intake has just read or written, so that the next summary need not read it. */
export function cacheEntry(
  cache: SummaryCache,
  { store, tasks }: Pick<SiteContext, 'store' | 'tasks'>,
  { etag, value }: Stored<CatalogEntry>,
): void {
  if (value) cache.set(`${store.bucket}/${siteKeys.catalog(value.case)}`, countedEntry(tasks, etag, value));
}

const READS_AT_ONCE = 16;

/**
 * Writes the site's summary from its catalog. Every call counts all entries; it never increments stored counts. The
 * summary is replaced only if it is still the version that was read before counting. Costs two listings, and a read of
 * each entry that is not in `cache`.
 *
 * The first attempt writes the summary even if its counts are equal: a slower call that started earlier then conflicts
 * and counts again. A retry after a conflict does not write equal counts.
 *
 * @param federationStore the only bucket outside the hospital that intake writes to, and only counts
 * @returns the training and held-out cases that may be of one scan. Only their number is in the summary.
 */
export async function refreshSummary(
  context: SiteContext,
  federationStore: FederationStore,
  cache: SummaryCache,
): Promise<readonly SuspectedPair[]> {
  const { store, site, tasks, now } = context;
  const key = federationKeys.summary(site);
  let isFirst = true;
  let pairs: readonly SuspectedPair[] = [];
  await retryOnConflict(`The summary of ${site}`, async () => {
    const stored = await readStored(federationStore, key, summarySchema);
    const [entries, rejected] = await Promise.all([
      collect(listDocuments(store, siteKeys.catalogPrefix)),
      collect(listDocuments(store, siteKeys.rejectedPrefix)),
    ]);
    const counted = await mapConcurrently(entries, READS_AT_ONCE, (info) => readCountedEntry(context, info, cache));
    const all = counted.filter((entry) => entry !== undefined);
    const known = all.filter((entry) => !isSmokeTest(entry.case));
    const before = isFirst && stored ? { etag: stored.etag, value: undefined } : stored;
    isFirst = false;
    pairs = finderOf(cache, store.bucket).find(sketched(known, 'training'), sketched(known, 'evaluation'));
    const smokeTests = all.filter(
      (entry) => isSmokeTest(entry.case) && entry.use === 'training' && entry.tasks.length > 0,
    );
    const summary = {
      ...summaryOf(site, tasks, known, rejected.length, pairs.length, now()),
      ...(smokeTests.length > 0 ? { smokeTests: smokeTests.length } : {}),
      release: VERSION,
    };
    await reconcileDocument(federationStore, key, summarySchema, before, summary);
  });
  return pairs;
}

/** By cache and bucket: every call counts all cases, and must not compare all of them again. */
const finders = new WeakMap<SummaryCache, Map<string, PairFinder>>();

function finderOf(cache: SummaryCache, bucket: string): PairFinder {
  const ofCache = finders.get(cache) ?? new Map<string, PairFinder>();
  const finder = ofCache.get(bucket) ?? createPairFinder();
  finders.set(cache, ofCache.set(bucket, finder));
  return finder;
}

async function readCountedEntry(
  { store, tasks }: SiteContext,
  { key, etag }: ObjectInfo<SiteKey>,
  cache: SummaryCache,
): Promise<CountedEntry | undefined> {
  const cacheKey = `${store.bucket}/${key}`;
  const known = cache.get(cacheKey);
  if (known?.etag === etag) return known;
  const stored = await readStored(store, key, catalogSchema).catch(unlessNewer);
  if (!stored?.value) return undefined;
  const counted = countedEntry(tasks, stored.etag, stored.value);
  cache.set(cacheKey, counted);
  return counted;
}

/** An entry that only a newer release can read is not counted; it does not stop the site's other cases. */
function unlessNewer(error: unknown): undefined {
  if (!isFedcardioError(error, 'NEWER_SCHEMA')) throw error;
}

const sketched = (entries: readonly CountedEntry[], use: CaseUse): readonly SketchedCase[] =>
  entries.flatMap((entry) => (entry.use === use && entry.sketch ? [{ case: entry.case, sketch: entry.sketch }] : []));

const countedEntry = (
  tasks: readonly Task[],
  etag: string,
  { case: id, use, image, labels }: CatalogEntry,
): CountedEntry => ({
  etag,
  case: id,
  use,
  sketch: image.sketch,
  tasks: tasks.flatMap((task) => {
    const label = labels[task.id];
    return label && (use === 'evaluation' || isComplete(task, label.classes)) ? [task.id] : [];
  }),
});

function summaryOf(
  site: string,
  tasks: readonly Task[],
  entries: readonly CountedEntry[],
  rejected: number,
  suspected: number,
  at: Date,
): Summary {
  const casesOf = (use: CaseUse) => entries.filter((entry) => entry.use === use);
  const labelled = (use: CaseUse) =>
    Object.fromEntries(tasks.map(({ id }) => [id, casesOf(use).filter((entry) => entry.tasks.includes(id)).length]));
  return {
    schema: 'fedcardio.summary/1',
    site,
    at: at.toISOString(),
    cases: {
      training: casesOf('training').length,
      evaluation: casesOf('evaluation').length,
      rejected,
      ...(suspected > 0 ? { suspected } : {}),
    },
    labelled: labelled('training'),
    labelledEvaluation: labelled('evaluation'),
  };
}
