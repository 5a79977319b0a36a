import { FedcardioError } from '../lib/error.ts';
import { CASE_FOLDERS, parseCaseKey } from '../lib/federation/keys.ts';
import { names } from '../lib/federation/topology.ts';
import { intakeCases, rejectStray } from '../lib/intake/intake.ts';
import type { IntakeResult, SiteContext } from '../lib/intake/look.ts';
import { createSummaryCache, noteEntry, refreshSummary } from '../lib/intake/summary.ts';
import type { HandlerContext, SqsHandler } from './context.ts';
import { type S3ObjectRef, s3Objects } from './s3-event.ts';
import { forEachRecord } from './sqs-records.ts';

/** Lives as long as the process, which makes the next event's summary cheap. */
const summaryCache = createSummaryCache();

/**
 * Upload events of the sites' buckets. Looks at all cases that a batch names together, at each once however many
 * events name it, then counts each site anew, once. A message fails only where its own case, or the summary of its
 * site, could not be brought up to date.
 */
export const intake: SqsHandler = async (event, context) => {
  const uploads = new Map<string, readonly S3ObjectRef[]>();
  const unreadable = await forEachRecord(event, context, async (body, { messageId }) => {
    const objects = s3Objects(body);
    for (const { bucket } of objects) siteContext(context, bucket);
    uploads.set(messageId, objects);
  });

  const refused = new Set(unreadable.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  const readable = { Records: event.Records.filter(({ messageId }) => !refused.has(messageId)) };
  const failures = await bringUpToDate(context, [...uploads.values()].flat());
  const failed = await forEachRecord(readable, context, async (_body, { messageId }) => {
    for (const object of uploads.get(messageId) ?? []) {
      const failure = failures.get(`${object.bucket}/${subjectOf(object.key)}`) ?? failures.get(object.bucket);
      if (failure) throw failure;
    }
  });
  return { batchItemFailures: [...unreadable.batchItemFailures, ...failed.batchItemFailures] };
};

/** What could not be brought up to date: by bucket, or by bucket and case. */
async function bringUpToDate(
  context: HandlerContext,
  uploads: readonly S3ObjectRef[],
): Promise<ReadonlyMap<string, Error>> {
  const failures = new Map<string, Error>();
  const federationBucket = names.federationBucket(context.federation.id);
  for (const bucket of new Set(uploads.map((object) => object.bucket))) {
    const site = siteContext(context, bucket);
    try {
      const keys = uploads.filter((object) => object.bucket === bucket).map(({ key }) => key);
      for (const [subject, result] of await lookAt(site, keys)) {
        if (result instanceof Error) failures.set(`${bucket}/${subject}`, result);
        else report(context, site, subject, result);
      }
      await refreshSummary(site, federationBucket, summaryCache);
    } catch (error) {
      failures.set(bucket, error as Error);
    }
  }
  return failures;
}

/** Results and errors by case, and by key where an object belongs to no case. */
async function lookAt(site: SiteContext, keys: readonly string[]): Promise<ReadonlyMap<string, IntakeResult | Error>> {
  const caseIds = keys.flatMap((key) => parseCaseKey(key)?.caseId ?? []);
  const results = new Map(await intakeCases(site, caseIds));
  for (const key of new Set(keys.filter(isStray))) results.set(key, await rejectStray(site, key));
  return results;
}

/** The case that an object is part of, or else itself. */
const subjectOf = (key: string): string => parseCaseKey(key)?.caseId ?? key;

/** A file in the place of a case folder. S3 consoles make empty objects for folders: those are none. */
const isStray = (key: string): boolean =>
  !parseCaseKey(key) &&
  !key.endsWith('/') &&
  Object.values(CASE_FOLDERS).some((folder) => key.startsWith(`${folder}/`));

function report(context: HandlerContext, { site, bucket }: SiteContext, subject: string, result: IntakeResult): void {
  const { entry, faults } = result;
  if (entry) noteEntry(summaryCache, bucket, entry);
  context.log('case-examined', {
    site,
    case: subject,
    cataloged: entry !== undefined,
    faults: faults.map(({ key, reason }) => ({ key, reason })),
  });
}

function siteContext({ federation, objects, now }: HandlerContext, bucket: string): SiteContext {
  const site = federation.sites.find(({ id }) => names.siteBucket(federation.id, id) === bucket);
  if (!site) {
    throw new FedcardioError('BAD_MESSAGE', `The bucket ${bucket} belongs to no site of ${federation.id}.`, {
      hint: 'Check which buckets send events to the intake queue, and that the federation lists the site.',
    });
  }
  return { objects, bucket, site: site.id, now };
}
