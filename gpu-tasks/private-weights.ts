import { randomBytes } from 'node:crypto';
import { FedcardioError } from '../lib/error.ts';
import { siteKeys } from '../lib/federation/keys.ts';
import {
  type GpuTaskMessage,
  type Plan,
  privacySecretSchema,
  type Release,
  type RoundPrivacy,
  type UpdatePrivacy,
} from '../lib/federation/schemas.ts';
import { canonicalJson, sha256Hex } from '../lib/json.ts';
import { initialTensors } from '../lib/models/initial-weights.ts';
import { dimensionOf, privateUpdate } from '../lib/privacy/private-update.ts';
import { derivedKey, noiseGrid, noiseOf } from '../lib/privacy/round-noise.ts';
import { type LearningStage, modelOf, tasksOf, trains } from '../lib/protocol/plan.ts';
import { releaseOf, roundPrivacy } from '../lib/protocol/round-privacy.ts';
import type { SiteStore } from '../lib/storage/contract.ts';
import { createJson } from '../lib/storage/documents.ts';
import { encodeSafetensors } from '../lib/weights/safetensors.ts';
import type { Weights } from '../lib/weights/weights.ts';
import { termsOf } from './checkpoint.ts';
import type { StageInput } from './stage-input.ts';

/**
 * The privacy terms of a site's round. They follow from the plan, to which the site has agreed; the message must say the same.
 * Only the clip of a later round, which adaptive clipping sets, is in the message alone: noise is a multiple of it.
 *
 * @throws FedcardioError `BAD_CONFIGURATION` if the message has other terms
 */
export function privacyOf(plan: Plan, message: GpuTaskMessage): RoundPrivacy | undefined {
  const terms = roundPrivacy(plan.campaign, message.config, message.round, undefined);
  const { privacy } = message;
  const adapts = terms?.countSigma !== undefined && message.round > 1;
  const expected = terms && privacy && adapts ? { ...terms, clip: privacy.clip } : terms;
  if (canonicalJson(privacy ?? null) === canonicalJson(expected ?? null)) return privacy;
  throw new FedcardioError('BAD_CONFIGURATION', `The round has other privacy terms than the plan that was agreed to.`);
}

/**
 * What a round with differential privacy costs the site. Noise that hides the whole site counts alone, even if DP-SGD hides
 * single cases too: each bounds on its own what a case changes.
 *
 * @param rate with which a step of DP-SGD takes a case
 * @param update digest of the update before its noise, if the site adds noise
 * @param body that the round loads and does not train: the message does not name it
 */
export function releaseOfRound(
  plan: Plan,
  message: GpuTaskMessage,
  at: Date,
  {
    rate,
    update,
    body,
  }: {
    readonly rate?: number | undefined;
    readonly update?: string | undefined;
    readonly body?: Weights | undefined;
  } = {},
): Release | undefined {
  const { campaign, stage, round, config, base } = message;
  const hidden = releaseOf(plan.campaign, config, round);
  const { dpSgd = undefined, steps = 0 } = trains(config, round) ? config.training : {};
  const cases = dpSgd && rate !== undefined && { noise: dpSgd.noiseMultiplier, rate, count: steps };
  const release = hidden ?? cases;
  if (!release) return undefined;
  const digests = {
    of: shortDigest({ plan, update: update ?? null }),
    plan: shortDigest(plan),
    base: shortDigest(body ? { base, body: sha256Hex(encodeSafetensors(body)) } : base),
  };
  return { campaign, stage, round, at: at.toISOString(), ...digests, unit: hidden ? 'site' : 'case', ...release };
}

const shortDigest = (value: unknown): string => sha256Hex(canonicalJson(value)).slice(0, 16);

/**
 * The secret of a site's round of DP-SGD, for exactly these cases and this beginning: two rounds that differ in anything draw their
 * cases apart, and share no noise.
 *
 * @param states that the round begins with besides the model of the message: those of the site, and the body of a probe
 */
export async function dpSgdSecret(
  store: SiteStore,
  terms: Pick<StageInput, 'message' | 'planSha256'>,
  cases: readonly string[],
  states: readonly (Weights | undefined)[],
): Promise<Uint8Array> {
  const { campaign, stage, round, site } = terms.message;
  const digests = states.map((state) => (state ? sha256Hex(encodeSafetensors(state)) : null));
  const begin = sha256Hex(canonicalJson([termsOf(terms), [...cases], digests]));
  return derivedKey(await siteSecret(store, site), 'dp-sgd', campaign, stage, round, begin);
}

/** What all sites start a stage's first round from, for these parameters. */
export function startingWeights(
  plan: Plan,
  stage: LearningStage,
  names: Iterable<string>,
  init: Weights | undefined,
): Weights {
  const tensor = initialTensors(modelOf(plan.campaign, stage), tasksOf(plan, stage), plan.campaign.seed);
  return new Map([...names].map((name) => [name, init?.get(name) ?? tensor(name)]));
}

interface PrivateWeights {
  readonly weights: Weights;
  /** What the update's metadata says of them. */
  readonly privacy: UpdatePrivacy;
  /** Digest of the update before its noise; undefined if the site adds none. */
  readonly digest: string | undefined;
}

/** A site's weights as they may leave it: their difference clipped and, if the round's noise is local, with noise. */
export async function privateWeights(
  store: SiteStore,
  message: GpuTaskMessage,
  terms: RoundPrivacy,
  weights: Weights,
  from: Weights,
): Promise<PrivateWeights> {
  const { clip, noise, noiseMultiplier } = terms;
  if (noise === 'central') {
    const { weights: sent, clipped } = privateUpdate(weights, from, terms);
    const counted = terms.countSigma === undefined ? {} : { clipped };
    return { weights: sent, privacy: { clip, noiseMultiplier: 0, ...counted }, digest: undefined };
  }
  // Covers all that the update follows from: the same update gets the same noise again, any other one gets other noise.
  const files = [weights, from].map((one) => sha256Hex(encodeSafetensors(one)));
  const digest = sha256Hex(canonicalJson([terms, ...files]));
  const { campaign, stage, round, site } = message;
  const key = derivedKey(await siteSecret(store, site), 'update', campaign, stage, round, digest);
  const draw = noiseOf(noiseGrid(terms, dimensionOf(weights)).sigma, key);
  const sent = privateUpdate(weights, from, terms, draw);
  return { weights: sent.weights, privacy: { clip, noiseMultiplier }, digest };
}

/** The secret that a site's noise is drawn from, created at its first use. */
async function siteSecret(store: SiteStore, site: string): Promise<Uint8Array> {
  const secret = randomBytes(32).toString('hex');
  const value = { schema: 'fedcardio.privacy-secret/1' as const, site, secret };
  const stored = await createJson(store, siteKeys.privacySecret, privacySecretSchema, value);
  return Buffer.from(stored.value.secret, 'hex');
}
