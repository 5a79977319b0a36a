import { FedcardioError } from '../lib/error.ts';
import { CASE_FOLDERS, parseCaseKey } from '../lib/federation/keys.ts';
import { names } from '../lib/federation/topology.ts';
import { type IntakeResult, intakeCase, rejectStray, type SiteContext } from '../lib/intake/intake.ts';
import { createSummaryCache, noteEntry, refreshSummary } from '../lib/intake/summary.ts';
import { forEachRecord } from './batch.ts';
import type { HandlerContext, SqsHandler } from './context.ts';
import { type S3ObjectRef, s3Objects } from './s3-event.ts';

/** Lives as long as the process, which makes the next event's summary cheap. */
const summaryCache = createSummaryCache();

/** Cases of a batch that are looked at side by side: most of the time each waits for storage. */
const CASES_AT_ONCE = 10;

/**
 * Upload events of the sites' buckets. Looks at every case that a batch names, once however many events name it,
 * then counts each site anew, once. A message fails only where its own case, or the summary of its site, could not be
 * brought up to date.
 */
export const intake: SqsHandler = async (event, context) => {
  const once = runOnce();
  const lookAtCases = async (body: unknown) => {
    for (const object of s3Objects(body)) await once(nameOf(object), () => examine(context, object));
  };
  const cases = await forEachRecord(event, context, lookAtCases, CASES_AT_ONCE);
  const failed = new Set(cases.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  const looked = { Records: event.Records.filter(({ messageId }) => !failed.has(messageId)) };
  const federationBucket = names.federationBucket(context.federation.id);
  const summaries = await forEachRecord(looked, context, async (body) => {
    for (const { bucket } of s3Objects(body)) {
      await once(bucket, () => refreshSummary(siteContext(context, bucket), federationBucket, summaryCache));
    }
  });
  return { batchItemFailures: [...cases.batchItemFailures, ...summaries.batchItemFailures] };
};

/** Runs work of a name the first time, and gives its result, or its error, to all who ask for it again. */
function runOnce(): (name: string, work: () => Promise<void>) => Promise<void> {
  const results = new Map<string, Promise<void>>();
  return (name, work) => {
    const result = results.get(name) ?? work();
    results.set(name, result);
    return result;
  };
}

/** Objects of one case have one name, others their own. */
const nameOf = ({ bucket, key }: S3ObjectRef): string => `${bucket}/${parseCaseKey(key)?.caseId ?? key}`;

async function examine(context: HandlerContext, { bucket, key }: S3ObjectRef): Promise<void> {
  const site = siteContext(context, bucket);
  const of = parseCaseKey(key);
  if (of) report(context, site, of.caseId, await intakeCase(site, of.caseId));
  else if (isStray(key)) report(context, site, key, await rejectStray(site, key));
}

/** A file in the place of a case folder. S3 consoles make empty objects for folders: those are none. */
const isStray = (key: string): boolean =>
  Object.values(CASE_FOLDERS).some((folder) => key.startsWith(`${folder}/`)) && !key.endsWith('/');

function report({ log }: HandlerContext, { site, bucket }: SiteContext, caseId: string, result: IntakeResult): void {
  const { entry, faults } = result;
  if (entry) noteEntry(summaryCache, bucket, entry);
  const catalogued = entry !== undefined;
  log('case-examined', { site, case: caseId, catalogued, faults: faults.map(({ key, reason }) => ({ key, reason })) });
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
