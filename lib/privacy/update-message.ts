import { FedcardioError } from '../error.ts';
import { own as ownValue } from '../own.ts';
import { type Identities, identityOf } from './key-messages.ts';
import { derivedBytes } from './random-bytes.ts';
import type { MaskTerm } from './ring-masks.ts';
import { areSealedFor, seal, unseal } from './sealed-shares.ts';
import { splitSecret } from './secret-shares.ts';
import { cohortDigest, requireRound, type SecureRound } from './secure-round.ts';
import { privateKeyOf, SECRET_BYTES, type Signed, signed, verified } from './site-keys.ts';
import {
  type Channel,
  coefficientsKey,
  commitmentOf,
  type Directory,
  keysOf,
  maskSecret,
  openChannel,
  pairSeed,
  pairSign,
  type SiteSecrets,
  selfSeed,
  shareDigest,
} from './site-secrets.ts';

const UPDATE = 'update';

/** What a site sends beside its masked weights. */
export interface UpdateMessage {
  readonly site: string;
  readonly cohort: string;
  readonly round: number;
  /** SHA-256 of the masked file. */
  readonly weights: string;
  /** SHA-256 of the seed of its self mask. It names this update of the site in the list of survivors. */
  readonly commitment: string;
  /** By site: a share of that seed, sealed. */
  readonly sealed: Readonly<Record<string, string>>;
  /** In the order of the cohort's sites. */
  readonly digests: readonly string[];
}

/** The masks of a site's update: one with every other site, and its own. */
export function updateMasks(
  own: SiteSecrets,
  at: SecureRound,
  directory: Directory,
  plain: string,
): readonly MaskTerm[] {
  requireRound(at);
  const { cohort, round } = at;
  const privateKey = privateKeyOf(maskSecret(own, cohort, round));
  const pairs = cohort.sites
    .filter((other) => other !== own.site)
    .map((other): MaskTerm => {
      const publicKey = keysOf(directory, other).maskKeys[round - 1] as string;
      return { seed: pairSeed(at, privateKey, publicKey, [own.site, other]), sign: pairSign(cohort, own.site, other) };
    });
  return [...pairs, { seed: selfSeed(own, at, plain), sign: 1 }];
}

/**
 * The message of a masked update.
 *
 * @param plain as for {@link selfSeed}
 * @param weights SHA-256 of the masked file
 */
export function updateMessage(
  own: SiteSecrets,
  { cohort, round }: SecureRound,
  directory: Directory,
  { plain, weights }: { readonly plain: string; readonly weights: string },
): Signed<UpdateMessage> {
  const seed = selfSeed(own, { cohort, round }, plain);
  const commitment = commitmentOf(seed);
  const coefficients = derivedBytes(coefficientsKey(own, cohort, commitment));
  const shares = splitSecret(seed, cohort.threshold, cohort.sites.length, coefficients);
  const channel = openChannel(own, cohort, directory);
  const sealed = cohort.sites.map((to, index) => {
    const key = channel({ from: own.site, to, of: commitment });
    return [to, seal(shares[index]?.value as Uint8Array, key)] as const;
  });
  const content = {
    site: own.site,
    cohort: cohortDigest(cohort),
    round,
    weights,
    commitment,
    sealed: Object.fromEntries(sealed),
    digests: shares.map(({ value }) => shareDigest(value)),
  };
  return signed(UPDATE, content, own.signingKey);
}

/** The message of an update. Throws `BAD_MESSAGE` unless it is signed, complete, and for this round. */
export function checkedUpdate(
  { cohort, round }: SecureRound,
  message: Signed<UpdateMessage>,
  identities: Identities,
): UpdateMessage {
  const { site } = message.content;
  const update = verified(UPDATE, message, identityOf(identities, site), site);
  if (update.cohort !== cohortDigest(cohort) || update.round !== round) {
    throw refusal(`the update of ${site} is for another round`);
  }
  const isComplete =
    areSealedFor(update.sealed, cohort.sites, SECRET_BYTES) && update.digests.length === cohort.sites.length;
  if (!isComplete) throw refusal(`the update of ${site} has not a share for every site`);
  return update;
}

/** A site's own share of the seed of another's update. Throws `BAD_MESSAGE` if it was sealed wrongly. */
export function openSelfShare(
  own: SiteSecrets,
  { cohort }: SecureRound,
  channel: Channel,
  update: UpdateMessage,
): Uint8Array {
  const key = channel({ from: update.site, to: own.site, of: update.commitment });
  const share = unseal(ownValue(update.sealed, own.site) ?? '', key, SECRET_BYTES);
  if (shareDigest(share) === update.digests[cohort.sites.indexOf(own.site)]) return share;
  throw refusal(`the share that ${update.site} has sealed is not the one that it has committed to`);
}

const refusal = (reason: string): FedcardioError => new FedcardioError('BAD_MESSAGE', `Secure aggregation: ${reason}.`);
