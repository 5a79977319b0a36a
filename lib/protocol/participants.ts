import { mapConcurrently } from '../async.ts';
import { describeError, type FedcardioError, isFedcardioError } from '../error.ts';
import { type FederationKey, federationKeys } from '../federation/keys.ts';
import { kindOf, type Open, type Stage, summarySchema } from '../federation/schemas.ts';
import { isSmokeTest } from '../federation/smoke-test.ts';
import type { ObjectInfo } from '../storage/contract.ts';
import { tryReadJson } from '../storage/documents.ts';
import { failureOfAll, type SiteRead, unreadableOf } from '../storage/unreadable.ts';
import { MAX_DOCUMENT_BYTES, MAX_SAMPLES } from './bounds.ts';
import { type ConsentAnswer, consentAnswers, stillAgreed } from './consent/answers.ts';
import type { ReaderContext, StoreContext } from './context.ts';
import type { Participant } from './opening.ts';
import { listSites } from './site-listing.ts';

const READS_AT_ONCE = 16;

/**
 * The sites of the federation that have what a stage needs, according to their summaries. The counts of the stage's
 * previous round are reused for a site whose summary has the same ETag, so that a round costs one listing instead of one
 * request per site.
 *
 * @returns `answers`: what they have answered to the campaign; `unread`: why summaries of other sites cannot be read before an upgrade, or without a right
 * @throws FedcardioError `STORAGE` if the summaries of all sites cannot be read
 */
export async function ableSites(
  context: StoreContext,
  campaign: string,
  stage: Stage,
  previous: Open | undefined,
): Promise<{
  readonly able: readonly Participant[];
  readonly answers: ReadonlyMap<string, Pick<ConsentAnswer, 'state' | 'consent'>>;
  readonly unread: readonly FedcardioError[];
}> {
  const { federation, federationStore, log } = context;
  const listed = await listSites(
    federationStore,
    federation.sites.map(({ id }) => id),
    campaign,
  );
  const known = new Map(previous?.participants.map((participant) => [participant.site, participant]));
  const unread: FedcardioError[] = [];
  const reads: SiteRead[] = [];
  const found = await mapConcurrently(federation.sites, READS_AT_ONCE, async ({ id }) => {
    const summary = listed.get(federationKeys.summary(id));
    if (summary === undefined) return [];
    const before = known.get(id);
    if (before?.summary === summary.etag) {
      reads.push({ site: id });
      return [before];
    }
    try {
      const able = await ableSite(context, campaign, stage, id, summary.bytes);
      if (summary.bytes <= MAX_DOCUMENT_BYTES) reads.push({ site: id });
      return able;
    } catch (error) {
      const unreadable = unreadableOf(error);
      if (!unreadable && !isFedcardioError(error, 'NEWER_SCHEMA')) throw error;
      log('summary-unreadable', { site: id, reason: describeError(error) });
      reads.push({ site: id, unreadable });
      if (!unreadable?.permanent) unread.push(error as FedcardioError);
      return [];
    }
  });
  const failure = failureOfAll(reads, federation.sites.length);
  if (failure) throw failure;
  const able = found.flat();
  const agreed = stillAgreed(campaign, previous, listed);
  const others = able.map(({ site }) => site).filter((site) => !agreed.has(site));
  return { able, answers: new Map([...agreed, ...(await consentAnswers(context, campaign, others, listed))]), unread };
}

/**
 * A site as participant, if it has what the stage needs. A summary that cannot be read excludes its own site only.
 *
 * @param bytes length of the summary; a summary that is too long is not read
 * @throws FedcardioError `NEWER_SCHEMA` if only a newer release can read the summary, `STORAGE` if the storage refuses it
 */
export async function ableSite(
  context: ReaderContext,
  campaign: string,
  stage: Stage,
  site: string,
  bytes: number,
): Promise<readonly Participant[]> {
  const { log } = context;
  const summary = await readSummary(context, site, bytes);
  if (!summary) return [];
  const { suspected } = summary.value.cases;
  if (suspected && stage.kind === 'evaluate') log('same-scan-suspected', { site, pairs: suspected });
  const samples = isSmokeTest(campaign) ? (summary.value.smokeTests ?? 0) : kindOf(stage).samples(stage, summary.value);
  if (samples > MAX_SAMPLES) {
    log('summary-unreadable', { site, reason: `It counts ${samples} cases, ${MAX_SAMPLES} are allowed.` });
    return [];
  }
  return samples > 0 ? [{ site, samples, summary: summary.etag }] : [];
}

/**
 * Sites with training and held-out CTs that may be parts of one scan, and how many such pairs: for people.
 *
 * @param listing of all that sites have written about themselves
 */
export async function suspicions(
  context: ReaderContext,
  listing: readonly ObjectInfo<FederationKey>[],
): Promise<readonly { readonly site: string; readonly pairs: number }[]> {
  const reads: SiteRead[] = [];
  const found = await mapConcurrently(listing, READS_AT_ONCE, async ({ key, bytes }) => {
    const site = key.split('/')[1] ?? '';
    if (key !== federationKeys.summary(site)) return [];
    try {
      const pairs = (await readSummary(context, site, bytes))?.value.cases.suspected ?? 0;
      if (bytes <= MAX_DOCUMENT_BYTES) reads.push({ site });
      return pairs > 0 ? [{ site, pairs }] : [];
    } catch (error) {
      const unreadable = unreadableOf(error);
      if (!unreadable && !isFedcardioError(error, 'NEWER_SCHEMA')) throw error;
      reads.push({ site, unreadable });
      return [];
    }
  });
  const failure = failureOfAll(reads, reads.length);
  if (failure) throw failure;
  return found.flat();
}

/** A site's summary; undefined, with a log entry, if it cannot be used. */
async function readSummary({ federationStore, log }: ReaderContext, site: string, bytes: number) {
  const exclude = (reason: string) => {
    log('summary-unreadable', { site, reason });
    return undefined;
  };
  if (bytes > MAX_DOCUMENT_BYTES) return exclude(`It has ${bytes} bytes, ${MAX_DOCUMENT_BYTES} are allowed.`);
  try {
    const summary = await tryReadJson(federationStore, federationKeys.summary(site), summarySchema);
    return summary?.value.site === site ? summary : undefined;
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_MESSAGE')) throw error;
    return exclude(describeError(error));
  }
}
