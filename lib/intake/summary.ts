import { type CaseUse, federationKeys, siteKeys } from '../federation/keys.ts';
import { collect, mapConcurrently } from '../federation/protocol/async.ts';
import { catalogSchema, type Summary, summarySchema } from '../federation/schemas.ts';
import { TASK_IDS, type TaskId } from '../federation/tasks.ts';
import type { ObjectInfo } from '../storage/contract.ts';
import type { SiteContext } from './intake.ts';
import { readStored, settle, untilSettled } from './stored.ts';

/** What a summary counts of a catalog entry. */
interface Counted {
  readonly etag: string;
  readonly use: CaseUse;
  readonly tasks: readonly TaskId[];
}

/** Catalog entries that have been read, by bucket and key: each is read once per version and process. */
export type SummaryCache = Map<string, Counted>;
export const createSummaryCache = (): SummaryCache => new Map();

const READS_AT_ONCE = 16;

/**
 * Makes the site's summary in the federation bucket count what the site's catalog has now. It is counted anew each
 * time, never added to, and written only over what was read before counting: of many at work at once nobody's older
 * count stays. Costs a listing and the entries that `cache` lacks.
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
  await untilSettled(`The summary of ${site}`, async () => {
    const stored = await readStored(objects, federationBucket, key, summarySchema);
    const entries = await collect(objects.list(bucket, siteKeys.catalogPrefix));
    const rejected = await collect(objects.list(bucket, siteKeys.rejectedPrefix));
    const counted = await mapConcurrently(entries, READS_AT_ONCE, (info) => countedOf(context, info, cache));
    const wanted = summaryOf(
      site,
      counted.filter((entry) => entry !== undefined),
      rejected.length,
      now(),
    );
    return settle(objects, federationBucket, key, stored, wanted);
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
  const { use, labels } = stored.value;
  const counted = { etag: stored.etag, use, tasks: TASK_IDS.filter((task) => labels[task]) };
  cache.set(at, counted);
  return counted;
}

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
