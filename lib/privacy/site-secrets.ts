import type { KeyObject } from 'node:crypto';
import { canonicalJson, sha256Hex } from '../json.ts';
import { type Cohort, cohortDigest, pointOf, type SecureRound } from './secure-round.ts';
import { agreedSecret, derivedSecret, privateKeyOf } from './site-keys.ts';

/** What a site keeps for a campaign. Everything else follows from it, so that a restarted task sends the same bytes. */
export interface SiteSecrets {
  readonly site: string;
  /** 32 random bytes. They stay at the site: whoever has them can read its masked updates. */
  readonly secret: Uint8Array;
  /** The Ed25519 key that the other sites know it by. */
  readonly signingKey: KeyObject;
}

/** The keys that a site publishes for a stage, with its consent. */
export interface SiteKeys {
  readonly site: string;
  readonly campaign: string;
  readonly stage: string;
  readonly plan: string;
  readonly attempt: number;
  /** X25519, base64: others seal shares to it. */
  readonly channelKey: string;
  /** X25519, base64, one for each round: masks come from it. A drop-out's is opened, which must open no other round. */
  readonly maskKeys: readonly string[];
}

/** Keys by site, checked by `keyDirectory`. */
export type Directory = ReadonlyMap<string, SiteKeys>;

type Stage = Pick<Cohort, 'campaign' | 'stage' | 'plan' | 'attempt'>;

export const channelSecret = ({ secret }: SiteSecrets, { campaign, stage, plan, attempt }: Stage): Uint8Array =>
  derivedSecret(secret, ['channel key', campaign, stage, plan, attempt]);

export const maskSecret = (
  { secret }: SiteSecrets,
  { campaign, stage, plan, attempt }: Stage,
  round: number,
): Uint8Array => derivedSecret(secret, ['mask key', campaign, stage, plan, attempt, round]);

/**
 * The seed of the mask that a site adds for itself. It depends on the update: a second, different update of the same round
 * must not have the same masks, or their difference would be seen.
 *
 * @param plain SHA-256 of the update before masking, and of all that determines its fixed point and noise
 */
export const selfSeed = ({ secret }: SiteSecrets, { cohort, round }: SecureRound, plain: string): Uint8Array =>
  derivedSecret(secret, ['self mask', cohortDigest(cohort), round, plain]);

/** What a site's noise is drawn from. Another update has other noise. @param plain as for {@link selfSeed} */
export const noiseKey = ({ secret }: SiteSecrets, { cohort, round }: SecureRound, plain: string): Uint8Array =>
  derivedSecret(secret, ['noise', cohortDigest(cohort), round, plain]);

/** What a seed is known by before it is opened. */
export const commitmentOf = (seed: Uint8Array): string => sha256Hex(seed);

/**
 * The seed of the mask that two sites share in a round. Both compute it, from either's mask key.
 *
 * @param privateKey the mask key of one
 * @param publicKey that of the other, base64
 */
export const pairSeed = (
  { cohort, round }: SecureRound,
  privateKey: KeyObject,
  publicKey: string,
  sites: readonly [string, string],
): Uint8Array => {
  const { campaign, stage } = cohort;
  return agreedSecret(privateKey, publicKey, [
    'pair mask',
    campaign,
    stage,
    round,
    cohortDigest(cohort),
    ...sites.toSorted(),
  ]);
};

/**
 * The key that one site seals shares to another with.
 *
 * @param of what is shared: a round's commitment, or `mask keys`
 */
export type Channel = (way: { readonly from: string; readonly to: string; readonly of: string }) => Uint8Array;

/** A site's channels with the others of its cohort, and with itself. */
export function openChannel(own: SiteSecrets, cohort: Cohort, directory: Directory): Channel {
  const privateKey = privateKeyOf(channelSecret(own, cohort));
  const digest = cohortDigest(cohort);
  return ({ from, to, of }) => {
    const { channelKey } = keysOf(directory, from === own.site ? to : from);
    return agreedSecret(privateKey, channelKey, ['channel', digest, from, to, of]);
  };
}

export function keysOf(directory: Directory, site: string): SiteKeys {
  const keys = directory.get(site);
  if (!keys) throw new RangeError(`The directory lacks ${site}, although it was checked.`);
  return keys;
}

/** What a share is known by before it is opened, so that a wrong one shows who is to blame. */
export const shareDigest = (value: Uint8Array): string => sha256Hex(value).slice(0, 32);

/** What the coefficients of a secret's shares are drawn from. */
export const coefficientsKey = ({ secret }: SiteSecrets, cohort: Cohort, of: string): Uint8Array =>
  derivedSecret(secret, ['share coefficients', cohortDigest(cohort), of]);

/** The site's position in the mask order: of two sites, the first adds their mask and the second subtracts it. */
export const pairSign = (cohort: Cohort, site: string, other: string): 1 | -1 =>
  pointOf(cohort, site) < pointOf(cohort, other) ? 1 : -1;

export const digestOf = (value: unknown): string => sha256Hex(canonicalJson(value));
