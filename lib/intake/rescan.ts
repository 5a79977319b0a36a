import { describeError } from '../error.ts';
import { type SiteKey, siteKeys } from '../federation/keys.ts';
import { type Examined, examinedSchema } from '../federation/schemas.ts';
import type { FederationStore, SiteStore } from '../storage/contract.ts';
import { usedImage } from './files.ts';
import { intakeCases, reconcileStray } from './intake.ts';
import type { IntakeResult, SiteContext } from './reconcile.ts';
import { isConflict, readStored, reconcileDocument } from './stored.ts';
import { digestOf, isStray, listSubjects, type Subject } from './subjects.ts';
import { refreshSummary, type SummaryCache, type UncountedCase } from './summary.ts';
import { eraseWithdrawn } from './withdrawn.ts';

/** Subjects that are handed to intake together. The time is checked between batches. */
const BATCH = 20;

/** The context of the rescan's role. */
export interface RescanContext extends SiteContext {
  readonly store: SiteStore;
}

export interface RescanOptions {
  /** No batch starts after this time. The next rescan continues. */
  readonly until: Date;
  /** Examines every case, as after an update of intake. Rejected files are then read again. */
  readonly all?: boolean;
  readonly onExamined?: (examined: Examination, done: number, total: number) => void;
}

/** What a rescan found about a case, or about an object outside any case. */
export interface Examination {
  /** The case's id, or the key of the object's rejection. */
  readonly subject: string;
  /** Intake's result, or the storage error that prevented it. */
  readonly result: IntakeResult | Error;
  /** Whether its documents were missing or wrong when they were listed, as after a lost event. */
  readonly repaired: boolean;
}

export interface RescanReport {
  /** Cases, and objects outside any case, that are stored or have a document. */
  readonly listed: number;
  /** Those that were handed to intake. */
  readonly examined: number;
  readonly repaired: readonly string[];
  readonly failed: readonly { readonly subject: string; readonly reason: string }[];
  /** Cases whose catalog entries could not be read when they were counted. */
  readonly uncounted: readonly UncountedCase[];
  /** Versions of objects about withdrawn cases that were deleted. */
  readonly erased: number;
  /** Those that wait for the next rescan, because the time was over. */
  readonly remaining: number;
}

/**
 * Makes up for lost events. Compares a site's listings with what the last rescan left settled, and hands what differs to
 * intake. If nothing differs, it costs one read and the listings of five prefixes, and writes nothing. Idempotent, and safe
 * to run concurrently with intake and with itself.
 *
 * @throws FedcardioError STORAGE if a listing or the summary fails; the next rescan then repeats the work
 */
export async function rescanSite(
  context: RescanContext,
  federationStore: FederationStore,
  cache: SummaryCache,
  { until, all = false, onExamined = () => undefined }: RescanOptions,
): Promise<RescanReport> {
  const { store, now } = context;
  const stored = await readStored(store, siteKeys.examined, examinedSchema);
  const subjects = await listSubjects(store);
  const { settled, due } = compare(context, subjects, all ? undefined : stored?.value);
  // Starts elsewhere each time, so that cases that fail slowly do not keep the others waiting for ever.
  const start = now().getTime() % Math.max(1, due.length);
  const queue = [...due.slice(start), ...due.slice(0, start)];
  const examinations: Examination[] = [];
  while (examinations.length < queue.length && now() < until) {
    const batch = queue.slice(examinations.length, examinations.length + BATCH);
    const results = await examine(context, batch);
    for (const subject of batch) {
      const result = results.get(subject.name) as IntakeResult | Error;
      if (!(result instanceof Error)) {
        settled.set(subject.name, settledBy(context, subject.name, result));
      }
      const examination = { subject: subject.name, result, repaired: isRepaired(subject, result) };
      onExamined(examination, examinations.push(examination), queue.length);
    }
  }
  // Before the index: if the summary cannot be written, the next rescan finds the same differences.
  const counted = examinations.length > 0 ? await refreshSummary(context, federationStore, cache) : undefined;
  const index = indexOf(context, settled.values());
  await reconcileDocument(store, siteKeys.examined, examinedSchema, stored, index).catch((error) => {
    // A concurrent rescan saved what it found; what this one found is examined again.
    if (!isConflict(error)) throw error;
  });
  const erased = await eraseWithdrawn(store, now());
  return {
    listed: subjects.length,
    examined: examinations.length,
    repaired: examinations.filter(({ repaired }) => repaired).map(({ subject }) => subject),
    failed: examinations.flatMap(({ subject, result }) =>
      result instanceof Error ? [{ subject, reason: describeError(result) }] : [],
    ),
    uncounted: counted?.uncounted ?? [],
    erased,
    remaining: queue.length - examinations.length,
  };
}

/** A state in which intake has nothing to change. */
interface Settled {
  readonly digest: string;
  /** The image of another case with the same volume, on which the rejection rests. */
  readonly duplicateOf?: Examined['duplicates'][number] | undefined;
}

/** Separates the subjects that are as the index says from those that intake must see. */
function compare({ tasks }: SiteContext, subjects: readonly Subject[], index: Examined | undefined) {
  const plain = new Set(index?.settled);
  const duplicates = new Map(index?.duplicates.map((duplicate) => [duplicate.digest, duplicate]));
  const used = new Map(subjects.flatMap(({ files }) => usedImage(files) ?? []).map(({ key, etag }) => [key, etag]));
  const settled = new Map<string, Settled>();
  const due: Subject[] = [];
  for (const subject of subjects) {
    const digest = digestOf(subject, tasks);
    const duplicateOf = duplicates.get(digest);
    const isSettled = duplicateOf ? used.get(duplicateOf.key) === duplicateOf.etag : plain.has(digest);
    if (isSettled) settled.set(subject.name, { digest, duplicateOf });
    else due.push(subject);
  }
  return { settled, due };
}

async function examine(
  context: SiteContext,
  subjects: readonly Subject[],
): Promise<ReadonlyMap<string, IntakeResult | Error>> {
  const cases = subjects.filter((subject) => !isStray(subject)).map(({ name }) => name);
  const results = new Map(await intakeCases({ ...context, rereadPoints: true }, cases));
  for (const { name, files } of subjects.filter(isStray)) {
    const examined = reconcileStray(context, name as SiteKey, files[0]?.key);
    results.set(name, await examined.catch((error: Error) => error));
  }
  return results;
}

/** The state that intake left, with the documents that it wrote. */
function settledBy(
  { tasks }: SiteContext,
  name: string,
  { files, entry, rejection, duplicateOf }: IntakeResult,
): Settled {
  const digest = digestOf({ name, files, catalog: entry?.etag, rejected: rejection?.etag }, tasks);
  return { digest, duplicateOf: duplicateOf && { digest, key: duplicateOf.key, etag: duplicateOf.etag } };
}

const isRepaired = ({ catalog, rejected }: Subject, result: IntakeResult | Error): boolean =>
  !(result instanceof Error) && (catalog !== result.entry?.etag || rejected !== result.rejection?.etag);

function indexOf({ site, now }: SiteContext, states: Iterable<Settled>): Examined {
  const all = [...states].sort((a, b) => (a.digest < b.digest ? -1 : 1));
  return {
    schema: 'fedcardio.examined/1',
    site,
    at: now().toISOString(),
    settled: all.filter(({ duplicateOf }) => !duplicateOf).map(({ digest }) => digest),
    duplicates: all.flatMap(({ duplicateOf }) => duplicateOf ?? []),
  };
}
