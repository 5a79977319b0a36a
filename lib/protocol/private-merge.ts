import { randomBytes } from 'node:crypto';
import type { PrivateMerge } from '../aggregation/private-sum.ts';
import { federationKeys } from '../federation/keys.ts';
import {
  type CommitPrivacy,
  type Noise,
  noiseSchema,
  type Open,
  planSchema,
  type RoundPrivacy,
  type Seal,
} from '../federation/schemas.ts';
import { nextClip } from '../privacy/adaptive-clip.ts';
import { derivedKey, noiseGrid, noiseOf } from '../privacy/round-noise.ts';
import type { FederationStore } from '../storage/contract.ts';
import { createJson, type Document, readJson } from '../storage/documents.ts';
import type { StoreContext } from './context.ts';
import { differentialPrivacyOf } from './planned-privacy.ts';
import { commitPrivacy, votesOf } from './round-privacy.ts';

/**
 * The noise of a round (docs/decisions, "Noise from a seed of the round"): a seed that is created once, so that a repeated
 * merge has the same bytes. The key of a merge also follows from what is merged: two merges of different updates, of which one
 * is sealed, must not share their noise, since their difference would then show the updates.
 */

/** Creates the seed of a round's noise, if the coordinator adds noise to the round. */
export async function ensureNoise({ federationStore }: StoreContext, open: Open): Promise<void> {
  if (open.privacy?.noise !== 'central') return;
  const { campaign, stage, round } = open;
  const noise: Noise = {
    schema: 'fedcardio.noise/1',
    campaign,
    stage,
    round,
    seed: randomBytes(32).toString('hex'),
  };
  await createJson(federationStore, federationKeys.noise(open), noiseSchema, noise);
}

type Reader = Pick<FederationStore, 'bucket' | 'tryGet'>;

const readNoise = async (store: Reader, open: Open): Promise<Document<Noise> | undefined> =>
  open.privacy?.noise === 'central' ? readJson(store, federationKeys.noise(open), noiseSchema) : undefined;

/**
 * How the updates of a round are added up.
 *
 * @param digest identifies what is merged
 * @throws FedcardioError `NOT_FOUND` without the seed of the noise
 */
export async function privateMerge(
  store: Reader,
  open: Open,
  terms: RoundPrivacy,
  digest: string,
): Promise<(dimension: number) => PrivateMerge> {
  const noise = await readNoise(store, open);
  const key = noise && derivedKey(Buffer.from(noise.value.seed, 'hex'), 'sum', digest);
  return (dimension) => {
    const { step, sigma } = noiseGrid(terms, dimension);
    return {
      clip: key ? terms.clip : noisyNorm(terms, dimension),
      divisor: terms.sites,
      step,
      ...(key && { noise: () => noiseOf(sigma, key) }),
    };
  };
}

/** Standard deviations beyond which the norm of noise does not come: with a probability below exp(−18). */
const TAIL = 6;

/**
 * A bound on the norm of an update with local noise. A site that adds no noise, or far more, can move the model no further than
 * this.
 */
function noisyNorm(terms: RoundPrivacy, dimension: number): number {
  const { step, sigma } = noiseGrid(terms, dimension);
  // sigma / noiseMultiplier is the norm of the values themselves, with what rounding to the grid adds.
  return step * sigma * (1 / terms.noiseMultiplier + Math.sqrt(dimension) + TAIL);
}

/** What the commit of a round says of its privacy; undefined without differential privacy. */
export async function privacyOfMerge(
  store: Reader,
  open: Open,
  updates: Seal['updates'],
  digest: string,
): Promise<CommitPrivacy | undefined> {
  if (!open.privacy) return undefined;
  const plan = await readJson(store, federationKeys.plan(open.campaign), planSchema);
  const terms = differentialPrivacyOf(plan.value.campaign);
  if (!terms) return undefined;
  const noise = await readNoise(store, open);
  const seed = noise && Buffer.from(noise.value.seed, 'hex');
  return commitPrivacy(open, terms, {
    seed: noise?.sha256,
    nextClip:
      terms.adaptive && seed && clipAfter(open.privacy, updates, terms.adaptive, derivedKey(seed, 'count', digest)),
  });
}

/** Digits of a clip. `exp` differs in the last bit between engines. */
const CLIP_DIGITS = 6;

/** The next clip, from the noisy count. Votes are halves, so that one site changes the sum by one half. */
function clipAfter(
  { clip, sites, countSigma = 0 }: RoundPrivacy,
  updates: Seal['updates'],
  adaptive: Parameters<typeof nextClip>[3],
  key: Uint8Array,
): number {
  const noise = noiseOf(2 * countSigma, key)() / 2;
  return Number(nextClip(clip, votesOf(updates) + noise, sites, adaptive).toPrecision(CLIP_DIGITS));
}
