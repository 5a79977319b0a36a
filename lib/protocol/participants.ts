import { collect, mapConcurrently } from '../async.ts';
import { describeError, isFedcardioError } from '../error.ts';
import { federationKeys } from '../federation/keys.ts';
import { kindOf, type Open, type Stage, summarySchema } from '../federation/schemas.ts';
import { tryReadJson } from '../storage/documents.ts';
import { MAX_DOCUMENT_BYTES, MAX_SAMPLES } from './bounds.ts';
import type { ReaderContext, StoreContext } from './context.ts';
import type { Participant } from './opening.ts';

const READS_AT_ONCE = 16;

/**
 * The sites of the federation that have what a stage needs, according to their summaries. The counts of the stage's
 * previous round are reused for a site whose summary has the same ETag, so that a round costs one listing instead of one
 * request per site.
 */
export async function ableSites(
  context: StoreContext,
  stage: Stage,
  previous: Open | undefined,
): Promise<readonly Participant[]> {
  const { federation, federationStore } = context;
  const listing = await collect(federationStore.list(federationKeys.summaryPrefix));
  const listed = new Map(listing.map((object) => [object.key, object]));
  const known = new Map(previous?.participants.map((participant) => [participant.site, participant]));
  const found = await mapConcurrently(federation.sites, READS_AT_ONCE, async ({ id }) => {
    const summary = listed.get(federationKeys.summary(id));
    if (summary === undefined) return [];
    const before = known.get(id);
    return before?.summary === summary.etag ? [before] : await ableSite(context, stage, id, summary.bytes);
  });
  return found.flat();
}

/**
 * A site as participant, if it has what the stage needs. A summary that cannot be read excludes its own site only.
 *
 * @param bytes length of the summary; a summary that is too long is not read
 */
export async function ableSite(
  { federationStore, log }: ReaderContext,
  stage: Stage,
  site: string,
  bytes: number,
): Promise<readonly Participant[]> {
  const exclude = (reason: string): readonly Participant[] => {
    log('summary-unreadable', { site, reason });
    return [];
  };
  if (bytes > MAX_DOCUMENT_BYTES) return exclude(`It has ${bytes} bytes, ${MAX_DOCUMENT_BYTES} are allowed.`);
  try {
    const summary = await tryReadJson(federationStore, federationKeys.summary(site), summarySchema);
    if (summary?.value.site !== site) return [];
    const samples = kindOf(stage).samples(stage, summary.value);
    if (samples > MAX_SAMPLES) return exclude(`It counts ${samples} cases, ${MAX_SAMPLES} are allowed.`);
    return samples > 0 ? [{ site, samples, summary: summary.etag }] : [];
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_MESSAGE')) throw error;
    return exclude(describeError(error));
  }
}
