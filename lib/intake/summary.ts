import { collect, mapConcurrently } from '../async.ts';
import { describeError } from '../error.ts';
import { type CaseUse, federationKeys, type SiteKey, siteKeys } from '../federation/keys.ts';
import { type CatalogEntry, catalogSchema, type Summary, summarySchema } from '../federation/schemas.ts';
import { isSmokeTest } from '../federation/smoke-test.ts';
import { isComplete, type Task, type TaskId } from '../federation/tasks.ts';
import { isRecent } from '../recent.ts';
import type { FederationStore, ObjectInfo } from '../storage/contract.ts';
import { listDocuments, writeDocument } from '../storage/documents.ts';
import { unreadableOf } from '../storage/unreadable.ts';
import { VERSION } from '../version.ts';
import { documentedCase } from './listing.ts';
import type { IntakeResult, SiteContext } from './reconcile.ts';
import { createPairFinder, type PairFinder, type SuspectedPair } from './same-scan.ts';
import { isUnreadable, readStored, retryOnConflict } from './stored.ts';

/** The parts of a catalog entry that the summary counts. */
interface CountedEntry {
  readonly etag: string;
  readonly case: string;
  readonly use: CaseUse;
  readonly tasks: readonly TaskId[];
  readonly sketch: string | undefined;
}

/** All of a site's documents when its summary was written. */
interface Count {
  readonly entries: Map<SiteKey, CountedEntry>;
  readonly rejected: Set<SiteKey>;
  /** When all of them were listed. */
  readonly listedAt: Date;
  /** Those that could not be counted then. */
  readonly uncounted: readonly UncountedCase[];
}

/** A case that is not counted, because its catalog entry cannot be read. */
export interface UncountedCase {
  readonly case: string;
  readonly reason: string;
}

/** What a count finds beside the summary. */
export interface CountFindings {
  /** The training and held-out cases that may be of one scan. Only their number is in the summary. */
  readonly pairs: readonly SuspectedPair[];
  /** Empty unless all was counted. */
  readonly uncounted: readonly UncountedCase[];
}

/** What a process knows of a site. */
interface SiteCache {
  /** Catalog entries by key. A process reads each version at most once. */
  readonly known: Map<SiteKey, CountedEntry>;
  readonly scans: PairFinder;
  /** What is in the version `etag` of the summary. As long as that is stored, nobody has counted anything else. */
  latest?: { readonly etag: string; readonly count: Count } | undefined;
}

/** By bucket. Kept as long as the process. */
export type SummaryCache = Map<string, SiteCache>;
export const createSummaryCache = (): SummaryCache => new Map();

const READS_AT_ONCE = 16;
/** Everything is counted again after this time: who changes a case may be ended before he counts it. */
const RECOUNT_SECONDS = 3600;

/** Results of intake by case id, or by key for objects outside any case. */
export type IntakeResults = ReadonlyMap<string, IntakeResult | Error>;

/**
 * Reconciles cases of a site, then writes its summary. Costs one request if the summary is still the one that this process wrote
 * last: all that has changed is then in the results. Otherwise, and once an hour, as {@link refreshSummary}.
 *
 * @param federationStore the only bucket outside the hospital that intake writes to, and only counts
 * @param reconcile returns the results of all cases that it may have changed
 * @returns its results, and what the count finds
 */
export async function reconcileAndCount<R extends IntakeResults>(
  context: SiteContext,
  federationStore: FederationStore,
  cache: SummaryCache,
  reconcile: () => Promise<R>,
): Promise<CountFindings & { readonly results: R }> {
  const site = siteCacheOf(cache, context);
  // Taken while cases are reconciled: a call at the same time counts everything, and so does the next one after a failure.
  const latest = takeLatest(site, context.now());
  const results = await reconcile();
  const changes = changedEntries(context, results);
  for (const [key, entry] of changes) if (entry) site.known.set(key, entry);
  const isAll = [...results.values()].every((result) => !(result instanceof Error));
  const complete = isAll ? latest : undefined;
  if (complete) addResults(complete.count, changes, results);
  return { results, ...(await writeSummary(context, federationStore, site, complete)) };
}

/** What the process has counted, unless that was too long ago. */
function takeLatest(site: SiteCache, now: Date): SiteCache['latest'] {
  const { latest } = site;
  site.latest = undefined;
  return latest && isRecent(latest.count.listedAt, now, RECOUNT_SECONDS) ? latest : undefined;
}

/**
 * Writes the site's summary from its catalog. Counts all entries: two listings, and a read of each that `cache` does not know.
 * Writes equal counts, too: a slower call that started earlier then conflicts and counts again, and a process that has counted other
 * cases notices.
 */
export const refreshSummary = (
  context: SiteContext,
  federationStore: FederationStore,
  cache: SummaryCache,
): Promise<CountFindings> => writeSummary(context, federationStore, siteCacheOf(cache, context), undefined);

function siteCacheOf(cache: SummaryCache, { store }: SiteContext): SiteCache {
  const site = cache.get(store.bucket) ?? { known: new Map(), scans: createPairFinder() };
  cache.set(store.bucket, site);
  return site;
}

/** @param latest what the summary says with all that has changed since */
async function writeSummary(
  context: SiteContext,
  federationStore: FederationStore,
  site: SiteCache,
  latest: SiteCache['latest'],
): Promise<CountFindings> {
  const key = federationKeys.summary(context.site);
  let pairs: readonly SuspectedPair[] = [];
  let uncounted: readonly UncountedCase[] = [];
  const write = async (count: Count, before: string | undefined) => {
    pairs = site.scans.find([...count.entries.values()].filter((entry) => !isSmokeTest(entry.case)));
    const condition = before === undefined ? ({ ifNoneMatch: '*' } as const) : { ifMatch: before };
    const summary = summaryOf(context, count, pairs.length);
    const { etag } = await writeDocument(federationStore, key, summarySchema, summary, condition);
    site.latest = { etag, count };
  };
  let untried = latest;
  await retryOnConflict(`The summary of ${context.site}`, async () => {
    const known = untried;
    untried = undefined;
    if (known) return write(known.count, known.etag);
    const before = (await readStored(federationStore, key, summarySchema))?.etag;
    const all = await countAll(context, site);
    uncounted = all.uncounted;
    return write(all, before);
  });
  return { pairs, uncounted };
}

/** Catalog entries after intake has looked at their cases. Undefined: the case is not in the catalog. */
type Changes = readonly (readonly [SiteKey, CountedEntry | undefined])[];

const changedEntries = ({ tasks }: SiteContext, results: IntakeResults): Changes =>
  [...results].flatMap(([subject, result]) => {
    if (result instanceof Error || isStray(subject)) return [];
    const { entry } = result;
    return [[siteKeys.catalog(subject), entry?.value && countedEntry(tasks, entry.etag, entry.value)] as const];
  });

const isStray = (subject: string): boolean => subject.includes('/');

function addResults({ entries, rejected }: Count, changes: Changes, results: IntakeResults): void {
  for (const [key, entry] of changes) {
    if (entry) entries.set(key, entry);
    else entries.delete(key);
  }
  for (const [subject, result] of results) {
    if (result instanceof Error) continue;
    const key = isStray(subject) ? siteKeys.rejectedStray(siteKeys.ofEvent(subject)) : siteKeys.rejected(subject);
    if (!isStray(subject)) rejected.delete(siteKeys.rejectedByName(subject));
    if (result.rejection) rejected.add(key);
    else rejected.delete(key);
  }
}

/** @throws STORAGE if every entry is denied: rights or keys of intake are wrong, and the site is not empty */
async function countAll(context: SiteContext, { known }: SiteCache): Promise<Count> {
  const listedAt = context.now();
  const [listed, rejected] = await Promise.all([
    collect(listDocuments(context.store, siteKeys.catalogPrefix)),
    collect(listDocuments(context.store, siteKeys.rejectedPrefix)),
  ]);
  const read = await mapConcurrently(listed, READS_AT_ONCE, async (info): Promise<ReadEntry> => {
    const before = known.get(info.key);
    return before?.etag === info.etag ? { key: info.key, entry: before } : readCountedEntry(context, info);
  });
  const [first] = read;
  if (first && read.every(({ error }) => unreadableOf(error)?.kind === 'denied')) throw first.error;
  const entries = new Map(read.flatMap(({ key, entry }) => (entry ? [[key, entry] as const] : [])));
  const uncounted = read.flatMap(({ key, error }) =>
    error === undefined ? [] : [{ case: documentedCase(key), reason: describeError(error) }],
  );
  known.clear();
  for (const [key, entry] of entries) known.set(key, entry);
  return { entries, rejected: new Set(rejected.map(({ key }) => key)), listedAt, uncounted };
}

/** An entry that cannot be read, or only by a newer release, does not stop the site's other cases. */
async function readCountedEntry({ store, tasks }: SiteContext, { key }: ObjectInfo<SiteKey>): Promise<ReadEntry> {
  try {
    const stored = await readStored(store, key, catalogSchema);
    return { key, entry: stored?.value && countedEntry(tasks, stored.etag, stored.value) };
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return { key, error };
  }
}

interface ReadEntry {
  readonly key: SiteKey;
  readonly entry?: CountedEntry | undefined;
  /** Why the entry cannot be counted. */
  readonly error?: unknown;
}

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

function summaryOf({ site, tasks, now }: SiteContext, { entries, rejected }: Count, suspected: number): Summary {
  const cases = { training: 0, evaluation: 0 };
  const none = () => Object.fromEntries(tasks.map(({ id }) => [id, 0]));
  const labelled = { training: none(), evaluation: none() };
  let smokeTests = 0;
  for (const { case: id, use, tasks: known } of entries.values()) {
    if (isSmokeTest(id)) {
      if (use === 'training' && known.length > 0) smokeTests += 1;
      continue;
    }
    cases[use] += 1;
    // Of the federation's tasks: a label may be of one that it has no longer.
    for (const task of known) if (labelled[use][task] !== undefined) labelled[use][task] += 1;
  }
  return {
    schema: 'fedcardio.summary/1',
    site,
    at: now().toISOString(),
    cases: { ...cases, rejected: rejected.size, ...(suspected > 0 ? { suspected } : {}) },
    labelled: labelled.training,
    labelledEvaluation: labelled.evaluation,
    ...(smokeTests > 0 ? { smokeTests } : {}),
    release: VERSION,
  };
}
