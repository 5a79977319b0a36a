import { mapConcurrently } from '../../async.ts';
import { describeError, isOfDocument } from '../../error.ts';
import { federationKeys } from '../../federation/keys.ts';
import { type Consent, consentSchema, type Open } from '../../federation/schemas.ts';
import { tryReadJson } from '../../storage/documents.ts';
import { unreadableOf } from '../../storage/unreadable.ts';
import { MAX_DOCUMENT_BYTES } from '../bounds.ts';
import type { ReaderContext } from '../context.ts';
import { type Listed, listSites } from '../site-listing.ts';
import { isOver, isRefusal, POLICY } from './terms.ts';

const READS_AT_ONCE = 16;

type Participant = Open['participants'][number];

/** A site's answer to a campaign, as the coordinator knows it. */
export interface ConsentAnswer {
  readonly site: string;
  /** `ended`: agreed until a time that is over. */
  readonly state: Consent['state'] | 'ended';
  readonly by: string;
  readonly at: string;
  readonly until: string | null;
  readonly reason: string | undefined;
  readonly consent: NonNullable<Participant['consent']>;
}

/**
 * The answers of sites to a campaign. An answer that cannot be used counts as none: its site alone is concerned, and decides
 * by itself what it starts.
 *
 * @param listed the objects below `sites/`, by key
 */
export async function consentAnswers(
  context: ReaderContext,
  campaign: string,
  sites: readonly string[],
  listed: Listed,
): Promise<ReadonlyMap<string, ConsentAnswer>> {
  const found = await mapConcurrently(sites, READS_AT_ONCE, async (site) => {
    const info = listed.get(federationKeys.consent(site, campaign));
    const consent = info && (await readCopy(context, site, campaign, info.bytes));
    if (!consent) return [];
    const { state, by, at, until, reason } = consent.value;
    const current = state === 'agreed' && isOver(consent.value, context.now()) ? 'ended' : state;
    const { etag, sha256 } = consent;
    return [[site, { site, state: current, by, at, until, reason, consent: { etag, sha256 } }] as const];
  });
  return new Map(found.flat());
}

async function readCopy({ federationStore, log }: ReaderContext, site: string, campaign: string, bytes: number) {
  const unusable = (reason: string) => {
    log('consent-unreadable', { site, campaign, reason });
    return undefined;
  };
  if (bytes > MAX_DOCUMENT_BYTES) return unusable(`It has ${bytes} bytes, ${MAX_DOCUMENT_BYTES} are allowed.`);
  try {
    const found = await tryReadJson(federationStore, federationKeys.consent(site, campaign), consentSchema);
    if (found && (found.value.site !== site || found.value.campaign !== campaign)) {
      return unusable('It is for another site or campaign.');
    }
    return found;
  } catch (error) {
    if (!isOfDocument(error) && !unreadableOf(error)) throw error;
    return unusable(describeError(error));
  }
}

/**
 * Participants whose copy has not changed since the round before agree still, without another read. If their consent ends in
 * time, the site itself answers so.
 */
export const stillAgreed = (
  campaign: string,
  previous: Open | undefined,
  listed: Listed,
): ReadonlyMap<string, Pick<ConsentAnswer, 'state' | 'consent'>> =>
  new Map(
    (previous?.participants ?? []).flatMap(({ site, consent }) =>
      consent && listed.get(federationKeys.consent(site, campaign))?.etag === consent.etag
        ? [[site, { state: 'agreed' as const, consent }] as const]
        : [],
    ),
  );

/**
 * The sites that a round asks: none that has declined, withdrawn, or whose consent has ended. One that has been asked and has
 * not answered is left out as long as the others are enough.
 *
 * @param minSites fewest participants
 */
export function willing(
  able: readonly Participant[],
  answers: ReadonlyMap<string, Pick<ConsentAnswer, 'state' | 'consent'>>,
  minSites: number,
): { readonly asked: readonly Participant[]; readonly unwilling: readonly string[] } {
  const stateOf = ({ site }: Participant) => answers.get(site)?.state;
  const refuses = (participant: Participant) => isRefusal(stateOf(participant));
  const left = able.filter((participant) => !refuses(participant));
  const decided = left.filter((participant) => stateOf(participant) !== 'asked');
  const asked = decided.length >= Math.max(1, minSites) ? decided : left;
  return {
    asked: asked.map((participant) => withConsent(participant, answers.get(participant.site))),
    unwilling: able.filter(refuses).map(({ site }) => site),
  };
}

/** Why sites that have declined, withdrawn, or whose consent has ended take no part, for people; empty without such sites. */
export const disagreementOf = (sites: Iterable<string>): readonly string[] => {
  const sorted = [...sites].sort();
  return sorted.length > 0 ? [`${sorted.join(', ')} do not agree to the campaign`] : [];
};

const withConsent = (
  { consent: _, ...participant }: Participant,
  answer: Pick<ConsentAnswer, 'state' | 'consent'> | undefined,
): Participant => ({ ...participant, ...(answer?.state === 'agreed' && { consent: answer.consent }) });

/** Those of the sites that have declined a campaign, withdrawn their consent, or whose consent has ended. */
export async function refusingSites(
  context: ReaderContext,
  campaign: string,
  sites: readonly string[],
): Promise<ReadonlySet<string>> {
  if (sites.length === 0) return new Set();
  const listed = await listSites(context.federationStore, sites, campaign);
  const answers = await consentAnswers(context, campaign, sites, listed);
  return new Set([...answers.values()].flatMap(({ site, state }) => (isRefusal(state) ? [site] : [])));
}

/** Whether a person at the site has answered, not its policy: the policy's answer is given when the GPU task starts. */
export async function hasDecided(context: ReaderContext, campaign: string, site: string): Promise<boolean> {
  const listed = await listSites(context.federationStore, [site], campaign);
  const answer = (await consentAnswers(context, campaign, [site], listed)).get(site);
  return answer !== undefined && answer.state !== 'asked' && answer.by !== POLICY;
}
