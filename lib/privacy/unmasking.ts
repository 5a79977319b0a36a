import { FedcardioError, isFedcardioError } from '../error.ts';
import { type Identities, identityOf, type KeyShares, openKeyShare } from './key-messages.ts';
import { cohortDigest, requireRound, type SecureRound } from './secure-round.ts';
import { isSigned, type Signed, signed, toBase64, verified } from './site-keys.ts';
import { type Directory, digestOf, openChannel, type SiteSecrets } from './site-secrets.ts';
import { openSelfShare, type UpdateMessage } from './update-message.ts';

/** The updates that a round adds up. The coordinator fixes it once; the sites see to that. */
export interface SurvivorList {
  readonly cohort: string;
  readonly round: number;
  /** In the order of the cohort. `commitment` says which update of the site. */
  readonly survivors: readonly { readonly site: string; readonly commitment: string }[];
}

/** A site's word that it opens shares for this list and no other of the round. */
export interface Endorsement {
  readonly site: string;
  readonly list: string;
}

/** What a site opens: of each site one share, of one of its two secrets. */
export interface Reveal {
  readonly site: string;
  readonly list: string;
  /** By site, base64: of survivors, a share of the seed of their self mask. */
  readonly self: Readonly<Record<string, string>>;
  /** By site, base64: of drop-outs, a share of their mask key of this round. */
  readonly keys: Readonly<Record<string, string>>;
}

const ENDORSEMENT = 'endorsement';
const REVEAL = 'reveal';

export const survivorList = ({ cohort, round }: SecureRound, updates: readonly UpdateMessage[]): SurvivorList => {
  const survivors = cohort.sites.flatMap((site) => {
    const update = updates.find((one) => one.site === site);
    return update ? [{ site, commitment: update.commitment }] : [];
  });
  return { cohort: cohortDigest(cohort), round, survivors };
};

/** What a site keeps of the list that it has endorsed. */
export const listDigest = (list: SurvivorList): string => digestOf(list);

/** What a site has done in the round so far. */
export interface SiteRecord {
  /** Digest of the list that it has endorsed. Stored before the endorsement is published, and never changed. */
  readonly endorsed?: string | undefined;
  /** Commitments of the updates that it has sent. */
  readonly sent: readonly string[];
}

/**
 * A site's endorsement of a list: at most one list a round. Throws `BAD_MESSAGE` for a list that is too short, or for another
 * round, or second, or names an update of the site that it has not sent.
 */
export function endorse(
  own: SiteSecrets,
  at: SecureRound,
  list: SurvivorList,
  record: SiteRecord,
): Signed<Endorsement> {
  requireList(at, list);
  const digest = listDigest(list);
  if (record.endorsed !== undefined && record.endorsed !== digest) {
    throw refusal('a second, different list of survivors came for this round', 'Ask the coordinator why.');
  }
  const listed = list.survivors.find(({ site }) => site === own.site);
  if (listed && !record.sent.includes(listed.commitment)) {
    throw refusal('the list names an update of this site that it has not sent');
  }
  return signed(ENDORSEMENT, { site: own.site, list: digest }, own.signingKey);
}

/**
 * What a site may open of every site: of a survivor a share of its self mask, of a drop-out a share of its key, never both.
 *
 * More than half of the honest sites must have endorsed the list. As each endorses one list only, there is one list that
 * anything is ever opened for, whatever the coordinator tells whom.
 *
 * @throws FedcardioError `BAD_MESSAGE` if the list is not the one that the site has endorsed, or too few others have
 */
export function mayReveal(
  at: SecureRound,
  list: SurvivorList,
  endorsements: readonly Signed<Endorsement>[],
  { record, identities }: { readonly record: SiteRecord; readonly identities: Identities },
): ReadonlyMap<string, 'self' | 'key'> {
  requireList(at, list);
  const { sites, threshold } = at.cohort;
  const digest = listDigest(list);
  if (record.endorsed !== digest) throw refusal('this site has not endorsed the list of survivors');
  // A site that signs wrongly must not stop the others: its endorsement does not count.
  const endorsing = new Set(
    endorsements.flatMap((message) => {
      const { site } = message.content;
      return sites.includes(site) && isEndorsement(message, digest, identities) ? [site] : [];
    }),
  );
  if (endorsing.size < threshold) {
    throw refusal(`${endorsing.size} sites have endorsed the list of survivors, ${threshold} are needed`);
  }
  const survivors = new Set(list.survivors.map(({ site }) => site));
  return new Map(sites.map((site) => [site, survivors.has(site) ? 'self' : 'key']));
}

/**
 * A site's last message of a round: the shares that it may open. Shares that others have sealed wrongly are left out and
 * named in `faults`.
 *
 * @param updates of the survivors, checked
 * @param keyShares of the cohort, checked
 */
export function reveal(
  own: SiteSecrets,
  at: SecureRound,
  directory: Directory,
  round: {
    readonly list: SurvivorList;
    readonly endorsements: readonly Signed<Endorsement>[];
    readonly updates: readonly UpdateMessage[];
    readonly keyShares: readonly KeyShares[];
    readonly record: SiteRecord;
    readonly identities: Identities;
  },
): { readonly message: Signed<Reveal>; readonly faults: readonly string[] } {
  const faults: string[] = [];
  const channel = openChannel(own, at.cohort, directory);
  const opened = [...mayReveal(at, round.list, round.endorsements, round)].flatMap(([site, what]) => {
    try {
      return [{ site, what, value: toBase64(what === 'self' ? selfShare(site) : keyShare(site)) }];
    } catch (error) {
      if (!isFedcardioError(error, 'BAD_MESSAGE')) throw error;
      faults.push(error.message);
      return [];
    }
  });

  function selfShare(site: string): Uint8Array {
    const listed = round.list.survivors.find((survivor) => survivor.site === site);
    const update = round.updates.find((one) => one.site === site && one.commitment === listed?.commitment);
    if (!update) throw refusal(`the update of ${site} is missing`);
    return openSelfShare(own, at, channel, update);
  }

  function keyShare(site: string): Uint8Array {
    const shares = round.keyShares.find((one) => one.site === site);
    if (!shares) throw refusal(`the key shares of ${site} are missing`);
    return openKeyShare(own, at, channel, shares);
  }

  const valuesOf = (kind: 'self' | 'key') =>
    Object.fromEntries(opened.flatMap(({ site, what, value }) => (what === kind ? [[site, value]] : [])));
  const content = { site: own.site, list: listDigest(round.list), self: valuesOf('self'), keys: valuesOf('key') };
  return { message: signed(REVEAL, content, own.signingKey), faults };
}

/** Whether a site of the cohort has endorsed a list, which is given by its digest. */
export const isEndorsement = (message: Signed<Endorsement>, list: string, identities: Identities): boolean =>
  message.content.list === list && isSigned(ENDORSEMENT, message, identityOf(identities, message.content.site));

/** What a site has opened. Throws `BAD_MESSAGE` unless it is signed, and for this list. */
export function checkedReveal(list: SurvivorList, message: Signed<Reveal>, identities: Identities): Reveal {
  const { site } = message.content;
  const opened = verified(REVEAL, message, identityOf(identities, site), site);
  if (opened.list === listDigest(list)) return opened;
  throw refusal(`${site} has opened shares for another list`);
}

function requireList(at: SecureRound, { cohort, round, survivors }: SurvivorList): void {
  requireRound(at);
  const { sites, threshold } = at.cohort;
  if (cohort !== cohortDigest(at.cohort) || round !== at.round)
    throw refusal('the list of survivors is for another round');
  const listed = survivors.map(({ site }) => site);
  const isOrdered = listed.join('\n') === sites.filter((site) => listed.includes(site)).join('\n');
  if (!isOrdered) throw refusal('the list of survivors is not a sorted part of the cohort');
  if (survivors.length < threshold) {
    throw refusal(`the list has ${survivors.length} survivors; fewer than ${threshold} must not be added up`);
  }
}

const refusal = (reason: string, hint?: string): FedcardioError =>
  new FedcardioError('BAD_MESSAGE', `Secure aggregation: ${reason}.`, { hint });
