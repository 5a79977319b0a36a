import { mapConcurrently } from '../async.ts';
import { FAILED_ID, type FederationKey, federationKeys, parseUpdateKey } from '../federation/keys.ts';
import type { Open } from '../federation/schemas.ts';
import { groupBy } from '../group-by.ts';
import type { FederationStore, ObjectInfo } from '../storage/contract.ts';
import { MAX_ANSWER_KEYS, MAX_ANSWERS } from './bounds.ts';

/** An answer as the listing shows it, before it is read. */
export interface AnswerKey {
  readonly site: string;
  readonly key: FederationKey;
  readonly at: Date;
  /** `failed`: the site recorded a failure; `refused`: the round recorded a refusal of the update. */
  readonly unusable: 'failed' | 'refused' | undefined;
  /** Bytes of the document that says what the answer is: the update, or its refusal. */
  readonly documentBytes: number;
  /** Bytes of the weights next to the update; undefined without weights. */
  readonly weightsBytes: number | undefined;
}

const LISTS_AT_ONCE = 16;
/** More than {@link LISTS_AT_ONCE}, because each of these waits for the slowest of those before it. */
const MOST_LISTS_AT_ONCE = 64;

type Lists = Pick<FederationStore, 'list'>;

/**
 * The answers of a round's participants: one listing for each, of the round alone.
 *
 * @returns in the order of the participants and in byte order of their keys, the first {@link MAX_ANSWERS} of each
 *   within its first {@link MAX_ANSWER_KEYS} keys
 */
export async function listAnswers(store: Lists, open: Open): Promise<readonly AnswerKey[]> {
  const found = await mapConcurrently(open.participants, LISTS_AT_ONCE, ({ site }) => siteAnswers(store, open, site));
  return found.flat();
}

/**
 * Like {@link listAnswers}, but gives up as soon as more than `mayMiss` participants have no answer. Who is asked first decides what
 * that costs: a round that waits for the one site that is looked up first costs one listing.
 *
 * @param likely participants that probably have not answered. Behind them the last ones come first, which are sent their GPU tasks last.
 * @returns undefined if too many participants have no answer
 */
export async function listAnswersUnlessMissing(
  store: Lists,
  open: Open,
  mayMiss: number,
  likely: readonly string[],
): Promise<readonly AnswerKey[] | undefined> {
  const sites = open.participants.map(({ site }) => site);
  const first = new Set(likely);
  const order = [...sites.filter((site) => first.has(site)), ...sites.filter((site) => !first.has(site)).toReversed()];
  const found = new Map<string, readonly AnswerKey[]>();
  let missing = 0;
  for (let atOnce = 1; found.size < order.length; atOnce = Math.min(2 * atOnce, MOST_LISTS_AT_ONCE)) {
    const next = order.slice(found.size, found.size + atOnce);
    const answers = await Promise.all(next.map((site) => siteAnswers(store, open, site)));
    for (const [index, site] of next.entries()) found.set(site, answers[index] ?? []);
    missing += answers.filter(({ length }) => length === 0).length;
    if (missing > mayMiss) return undefined;
  }
  return sites.flatMap((site) => found.get(site) ?? []);
}

/** The answers of one participant. */
async function siteAnswers(store: Lists, open: Open, site: string): Promise<readonly AnswerKey[]> {
  const prefix = federationKeys.siteUpdates(open, site);
  const listing: ObjectInfo<FederationKey>[] = [];
  let updates = 0;
  let keys = 0;
  for await (const object of store.list(prefix)) {
    keys++;
    // Objects of a stage `a/0001` are listed with round 1 of a stage `a`.
    if (object.key.indexOf('/', prefix.length) < 0) {
      listing.push(object);
      // Weights and refusal of an update come before its metadata.
      if (parseUpdateKey(object.key)?.id !== undefined) updates++;
    }
    if (updates === MAX_ANSWERS || keys === MAX_ANSWER_KEYS) break;
  }
  return answersIn(listing);
}

/** The answers of sites to all rounds of a campaign, by the round's prefix: one listing for each site. */
export async function listCampaignAnswers(
  store: Lists,
  campaign: string,
  sites: readonly string[],
): Promise<ReadonlyMap<string, readonly AnswerKey[]>> {
  const found = await mapConcurrently(sites, LISTS_AT_ONCE, async (site) => {
    const byRound = new Map<string, ObjectInfo<FederationKey>[]>();
    for await (const object of store.list(federationKeys.campaignUpdates(campaign, site))) {
      const parsed = parseUpdateKey(object.key);
      if (!parsed) continue;
      const round = federationKeys.round(parsed.at);
      byRound.set(round, [...(byRound.get(round) ?? []), object]);
    }
    return [...byRound].map(([round, listing]) => ({ round, answers: answersIn(listing) }));
  });
  const byRound = groupBy(found.flat(), ({ round }) => round);
  return new Map([...byRound].map(([round, parts]) => [round, parts.flatMap(({ answers }) => answers)]));
}

/** The first answers in a listing of what one site sent for one round. */
function answersIn(listing: readonly ObjectInfo<FederationKey>[]): readonly AnswerKey[] {
  const bytes = new Map(listing.map((object) => [object.key, object.bytes]));
  const updates = listing.flatMap((object) => {
    const parsed = parseUpdateKey(object.key);
    return parsed?.id === undefined ? [] : [{ ...object, site: parsed.site, id: parsed.id }];
  });
  return updates.slice(0, MAX_ANSWERS).map(({ key, site, id, lastModified, bytes: updateBytes }) => {
    const refusalBytes = bytes.get(federationKeys.refusal(key));
    const unusable = id === FAILED_ID ? 'failed' : refusalBytes !== undefined ? 'refused' : undefined;
    const documentBytes = unusable === 'refused' ? (refusalBytes ?? updateBytes) : updateBytes;
    const weightsBytes = bytes.get(federationKeys.weightsBeside(key));
    return { site, key, at: lastModified, unusable, documentBytes, weightsBytes };
  });
}
