import type { KeyObject } from 'node:crypto';
import { FedcardioError } from '../error.ts';
import { own as ownValue } from '../own.ts';
import { derivedBytes } from './random-bytes.ts';
import { areSealedFor, seal, unseal } from './sealed-shares.ts';
import { splitSecret } from './secret-shares.ts';
import { type Cohort, cohortDigest, requireCohort, requireRound, type SecureRound } from './secure-round.ts';
import {
  privateKeyOf,
  publicKeyOf,
  requirePublicKey,
  SECRET_BYTES,
  type Signed,
  signed,
  verified,
} from './site-keys.ts';
import {
  type Channel,
  channelSecret,
  coefficientsKey,
  type Directory,
  maskSecret,
  openChannel,
  type SiteKeys,
  type SiteSecrets,
  shareDigest,
} from './site-secrets.ts';

const KEYS = 'keys';
const KEY_SHARES = 'key shares';

/** A site's shares of its mask keys, of all rounds, for every site of the cohort. */
export interface KeyShares {
  readonly site: string;
  /** See `cohortDigest`. */
  readonly cohort: string;
  /** By site: one share for each round, sealed. */
  readonly sealed: Readonly<Record<string, string>>;
  /** By round, then in the order of the cohort's sites. */
  readonly digests: readonly (readonly string[])[];
}

/** The identities that a site knows the others by: Ed25519 keys, compared once by people. */
export type Identities = ReadonlyMap<string, KeyObject>;

/** First message of a site, with its consent: its keys for a stage. */
export function publishKeys(own: SiteSecrets, stage: Omit<Cohort, 'sites' | 'threshold' | 'agreed'>): Signed<SiteKeys> {
  const { campaign, plan, attempt } = stage;
  const maskKeys = Array.from({ length: stage.rounds }, (_, i) =>
    publicKeyOf(privateKeyOf(maskSecret(own, stage, i + 1))),
  );
  const channel = publicKeyOf(privateKeyOf(channelSecret(own, stage)));
  const content = { site: own.site, campaign, stage: stage.stage, plan, attempt, channelKey: channel, maskKeys };
  return signed(KEYS, content, own.signingKey);
}

/**
 * The keys of a cohort. Throws `BAD_MESSAGE` unless there is one message of every site, signed by its known identity, for this
 * campaign, stage, plan and attempt.
 */
export function keyDirectory(cohort: Cohort, messages: readonly Signed<SiteKeys>[], identities: Identities): Directory {
  requireCohort(cohort);
  const directory = new Map(
    cohort.sites.map((site) => {
      const message = messages.find(({ content }) => content.site === site);
      if (!message) throw refusal(`there are no keys of ${site}`);
      return [site, checkedKeys(cohort, message, identityOf(identities, site))] as const;
    }),
  );
  const copied = copiedKeys([...directory.values()]);
  if (copied.size > 0) throw refusal(`${[...copied].join(' and ')} have the same key`);
  return directory;
}

const keysIn = ({ channelKey, maskKeys }: SiteKeys): readonly string[] => [channelKey, ...maskKeys];

/** Sites that have a key of another. Nobody can tell who has copied it. */
export function copiedKeys(all: readonly SiteKeys[]): ReadonlySet<string> {
  const owners = new Map<string, string[]>();
  for (const keys of all) for (const key of keysIn(keys)) owners.set(key, [...(owners.get(key) ?? []), keys.site]);
  return new Set([...owners.values()].filter((sites) => sites.length > 1).flat());
}

/** Second message of a site, when the cohort is known: shares of its mask keys. */
export function shareKeys(own: SiteSecrets, cohort: Cohort, directory: Directory): Signed<KeyShares> {
  const rounds = Array.from({ length: cohort.rounds }, (_, i) => {
    const coefficients = derivedBytes(coefficientsKey(own, cohort, `mask key ${i + 1}`));
    return splitSecret(maskSecret(own, cohort, i + 1), cohort.threshold, cohort.sites.length, coefficients);
  });
  const channel = openChannel(own, cohort, directory);
  const sealedTo = (to: string, index: number) => {
    const shares = Buffer.concat(rounds.map((shares) => shares[index]?.value as Uint8Array));
    return seal(shares, channel({ from: own.site, to, of: 'mask keys' }));
  };
  const content = {
    site: own.site,
    cohort: cohortDigest(cohort),
    sealed: Object.fromEntries(cohort.sites.map((site, index) => [site, sealedTo(site, index)])),
    digests: rounds.map((shares) => shares.map(({ value }) => shareDigest(value))),
  };
  return signed(KEY_SHARES, content, own.signingKey);
}

/**
 * The keys of one site. Throws `BAD_MESSAGE` unless they are usable, signed by its identity, and for this campaign, stage and
 * plan.
 */
export function checkedKeys(
  stage: Pick<Cohort, 'campaign' | 'stage' | 'plan' | 'attempt' | 'rounds'>,
  message: Signed<SiteKeys>,
  identity: KeyObject,
): SiteKeys {
  const { site } = message.content;
  const keys = verified(KEYS, message, identity, site);
  const isForStage = (['campaign', 'stage', 'plan', 'attempt'] as const).every((name) => keys[name] === stage[name]);
  if (!isForStage) throw refusal(`the keys of ${site} are for another campaign, stage, plan or attempt`);
  if (keys.maskKeys.length < stage.rounds) throw refusal(`${site} has keys for ${keys.maskKeys.length} rounds only`);
  for (const key of keysIn(keys)) requirePublicKey(key);
  if (new Set(keysIn(keys)).size < keysIn(keys).length) throw refusal(`${site} has one key for several purposes`);
  return keys;
}

/** The shares that a site has published. Throws `BAD_MESSAGE` unless they are signed, complete, and for this cohort. */
export function checkedKeyShares(cohort: Cohort, message: Signed<KeyShares>, identities: Identities): KeyShares {
  const { site } = message.content;
  const shares = verified(KEY_SHARES, message, identityOf(identities, site), site);
  const isComplete =
    areSealedFor(shares.sealed, cohort.sites, cohort.rounds * SECRET_BYTES) &&
    shares.digests.length === cohort.rounds &&
    shares.digests.every((digests) => digests.length === cohort.sites.length);
  if (shares.cohort !== cohortDigest(cohort) || !isComplete) throw refusal(`the key shares of ${site} are for others`);
  return shares;
}

/**
 * A site's own share of another's mask key. Throws `BAD_MESSAGE` if it was sealed wrongly: its sender is to blame.
 *
 * @param shares of the other site, checked
 */
export function openKeyShare(own: SiteSecrets, at: SecureRound, channel: Channel, shares: KeyShares): Uint8Array {
  const { cohort, round } = at;
  requireRound(at);
  const key = channel({ from: shares.site, to: own.site, of: 'mask keys' });
  const all = unseal(ownValue(shares.sealed, own.site) ?? '', key, cohort.rounds * SECRET_BYTES);
  const share = all.subarray((round - 1) * SECRET_BYTES, round * SECRET_BYTES);
  if (shareDigest(share) === shares.digests[round - 1]?.[cohort.sites.indexOf(own.site)]) return share;
  throw refusal(`the share that ${shares.site} has sealed is not the one that it has committed to`);
}

export function identityOf(identities: Identities, site: string): KeyObject {
  const key = identities.get(site);
  if (!key) throw refusal(`the identity of ${JSON.stringify(site.slice(0, 60))} is not known`);
  return key;
}

const refusal = (reason: string): FedcardioError => new FedcardioError('BAD_MESSAGE', `Secure aggregation: ${reason}.`);
