import { FedcardioError } from '../lib/error.ts';
import { shownKey, shownName } from '../lib/federation/case-names.ts';
import { isStrayKey, parseCaseKey, siteKeys } from '../lib/federation/keys.ts';
import type { Task } from '../lib/federation/tasks.ts';
import { intakeCases, rejectStray } from '../lib/intake/intake.ts';
import type { IntakeResult, SiteContext } from '../lib/intake/reconcile.ts';
import {
  createSummaryCache,
  type IntakeResults,
  reconcileAndCount,
  type UncountedCase,
} from '../lib/intake/summary.ts';
import { readTasks } from '../lib/storage/federation-tasks.ts';
import type { HandlerContext, SqsHandler } from './context.ts';
import type { S3ObjectRef } from './s3-event.ts';
import { forEachMessage, readS3Messages, responseOf } from './sqs-records.ts';
import { siteOfBucket } from './subject.ts';

/** Kept as long as the process, so that later summaries count only new entries. */
export const summaryCache = createSummaryCache();

/**
 * Handles upload and removal events of site buckets. Reconciles each case of a batch once, then refreshes each site's summary once.
 * A message fails only if one of its own cases or its site's summary fails.
 */
export const intake: SqsHandler = async (event, context) => {
  const { messages, failed } = readS3Messages(event, context);
  const objects = messages.flatMap((message) => message.objects);
  const failures = await reconcileSites(context, objects);
  const unsuccessful = await forEachMessage(messages, context, async (message) => {
    for (const { bucket, key } of message.objects) {
      const failure = failures.get(`${bucket}/${subjectOf(key)}`) ?? failures.get(bucket);
      if (failure) throw failure;
    }
  });
  return responseOf([...failed, ...unsuccessful]);
};

const SUSPICION =
  'These CTs, one to train on and one held out, look like parts of one scan. If they are of one patient, remove one.';

/** @returns errors by bucket, or by bucket and case */
async function reconcileSites(
  context: HandlerContext,
  objects: readonly S3ObjectRef[],
): Promise<ReadonlyMap<string, Error>> {
  const failures = new Map<string, Error>();
  const tasks = await readTasks(context);
  for (const bucket of new Set(objects.map((object) => object.bucket))) {
    try {
      const site = siteContext(context, bucket, tasks);
      const keys = objects.filter((object) => object.bucket === bucket).map(({ key }) => key);
      const { pairs, uncounted } = await reconcileAndCount(site, context.federationStore, summaryCache, async () => {
        const results = await reconcileCases(site, keys);
        for (const [subject, result] of results) {
          if (result instanceof Error) failures.set(`${bucket}/${subject}`, result);
          else reportCase(context, site, subject, result);
        }
        return results;
      });
      for (const one of uncounted) reportUncounted(context, site, one);
      const examined = new Set(keys.map(subjectOf));
      for (const pair of pairs) {
        // Once for each upload: the others were logged when they came.
        if (examined.has(pair.training) || examined.has(pair.heldOut))
          context.log('same-scan-suspected', { site: site.site, ...pair, reason: SUSPICION });
      }
    } catch (error) {
      failures.set(bucket, error as Error);
    }
  }
  return failures;
}

/** @returns results and errors by case, or by key for objects outside any case */
async function reconcileCases(site: SiteContext, keys: readonly string[]): Promise<IntakeResults> {
  const caseIds = keys.flatMap((key) => parseCaseKey(key)?.caseId ?? []);
  const results = new Map(await intakeCases(site, caseIds));
  for (const key of new Set(keys.filter(isStrayKey))) {
    const rejected = rejectStray(site, siteKeys.ofEvent(key));
    results.set(key, await rejected.catch((error: Error) => error));
  }
  return results;
}

/** The id of an object's case, or the key of an object outside any case. */
const subjectOf = (key: string): string => parseCaseKey(key)?.caseId ?? key;

/** A case's id, or a key, as a log may name it. */
export const shownSubject = (subject: string): string =>
  subject.includes('/') ? shownKey(subject) : shownName(subject);

/** Logs what intake found about a case, which is also a metric. */
export function reportCase(
  context: HandlerContext,
  site: SiteContext,
  subject: string,
  { entry, faults }: IntakeResult,
): void {
  context.log('case-examined', {
    site: site.site,
    case: shownSubject(subject),
    cataloged: entry !== undefined,
    faults: faults.map(({ key, reason }) => ({ key, reason })),
  });
}

/** Logs a case that is missing from the counts. */
export const reportUncounted = (context: HandlerContext, { site }: SiteContext, { case: id, reason }: UncountedCase) =>
  context.log('case-not-counted', { site, case: shownSubject(id), reason });

function siteContext(
  { federation, siteStore, now }: HandlerContext,
  bucket: string,
  tasks: readonly Task[],
): SiteContext {
  const site = siteOfBucket(federation, bucket);
  if (site === undefined) {
    throw new FedcardioError(
      'BAD_MESSAGE',
      `The bucket ${bucket} does not belong to a site of federation "${federation.id}".`,
      {
        hint: 'Check which buckets send events to the intake queue, and that the federation lists the site.',
      },
    );
  }
  return { store: siteStore(site), site, tasks, now };
}
