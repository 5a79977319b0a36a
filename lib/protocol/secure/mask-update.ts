import { createHash } from 'node:crypto';
import { FedcardioError } from '../../error.ts';
import type { GpuTaskMessage, RoundPrivacy, UpdatePrivacy } from '../../federation/schemas.ts';
import { canonicalJson, sha256Hex } from '../../json.ts';
import { shareOfNoise, sigmaOfShare } from '../../privacy/distributed-noise.ts';
import { maskedFile, maskedLayout } from '../../privacy/masked-file.ts';
import { scaleTo } from '../../privacy/private-update.ts';
import { noiseOf } from '../../privacy/round-noise.ts';
import type { Signed } from '../../privacy/site-keys.ts';
import { noiseKey } from '../../privacy/site-secrets.ts';
import { type UpdateMessage, updateMasks, updateMessage } from '../../privacy/update-message.ts';
import type { SiteStore } from '../../storage/contract.ts';
import { encodeSafetensorsHeader } from '../../weights/safetensors.ts';
import type { Weights } from '../../weights/weights.ts';
import { learns } from '../plan.ts';
import type { StageStart } from '../stage-start.ts';
import { MOST_CASES, mostSamplesOf, openCohort, requireFineStep } from './cohort.ts';
import { bindToCohort, type KeptCohort, keepSent, keptCohort, siteSecrets } from './site-keys.ts';

/**
 * How many times as many cases as when the stage was set up a site may have at its first update. If all but one had next to none, the
 * sum would be the update of that one.
 */
const MOST_GROWTH = 2;

/**
 * How many times fewer it may have. A summary also counts what is held back for validation, up to half of the cases, and what cannot
 * be read.
 */
const MOST_SHRINKAGE = 16;

/** A site's weights with masks: what it sends, and the message beside it. */
export interface MaskedUpdate {
  /** A safetensors file of I32. */
  readonly bytes: Uint8Array;
  readonly message: Signed<UpdateMessage>;
  /** What everybody knows that the update weighs at most; its weight is masked. */
  readonly samples: number;
  /** Digest of what is under the masks, before its noise. */
  readonly digest: string;
  /** What the update's metadata says of its noise. */
  readonly privacy?: UpdatePrivacy;
}

/** What a site has trained. */
export interface TrainedUpdate {
  /** SHA-256 of the plan that the site has agreed to. */
  readonly plan: string;
  readonly weights: Weights;
  readonly untrained: readonly string[];
  readonly samples: number;
  /** What its differences are taken from: the round's global model, or the start of the stage. */
  readonly from: StageStart['tensor'];
  readonly layout: StageStart['layout'];
  readonly privacy?: RoundPrivacy | undefined;
}

/**
 * Masks an update: the differences from the round's model, clipped to the plan's range, weighted, as whole numbers, plus masks
 * that cancel in the sum of the cohort. With differential privacy clipped to the round's norm first, and with the site's share
 * of the noise under the masks. The same update gives the same bytes.
 *
 * @param store the site's own bucket, with its secrets and the cohort that it takes part in
 * @throws FedcardioError `BAD_CONFIGURATION` if the round is of another cohort, `BAD_MESSAGE` if an update was masked for another
 */
export async function maskUpdate(
  store: SiteStore,
  message: GpuTaskMessage,
  { plan, weights, untrained, samples, from, layout, privacy }: TrainedUpdate,
): Promise<MaskedUpdate> {
  const { campaign, stage, round, site, config } = message;
  const kept = await ownCohort(store, message, plan);
  const { value: document, body } = kept;
  const { cohort, directory } = openCohort(document);
  const { terms } = document;
  const at = { cohort, round };
  const own = await siteSecrets(store, site, campaign);
  const most = mostSamplesOf(document, site);
  const counted = Math.min(samples, MOST_CASES);
  const isFar = counted > MOST_GROWTH * most || most > MOST_SHRINKAGE * counted;
  if (!kept.isBinding && !privacy && isFar) {
    throw other(`The cohort counts ${most} cases of ${site} for stage ${stage}, and it trains on ${samples}.`);
  }
  const skipped = new Set(learns(config) && config.aggregation.untrained === 'skip' ? untrained : []);
  const weight = privacy ? 1 : Math.min(samples, most);
  const weightOf = (tensor: string) => (skipped.has(tensor) ? 0 : weight);
  const names = [...layout.keys()];

  async function* differences() {
    for (const name of names) {
      const start = await from(name);
      const data = weights.get(name)?.data;
      if (data?.length !== start.length) throw new RangeError(`The update lacks "${name}".`);
      yield data.map((value, i) => value - (start[i] as number));
    }
  }

  const hash = createHash('sha256').update(canonicalJson([terms, names.map(weightOf), ...(privacy ? [privacy] : [])]));
  let [squares, dimension] = [0, 0];
  for await (const values of differences()) {
    hash.update(values);
    for (const value of values) squares += value * value;
    dimension += values.length;
  }
  const plain = hash.digest('hex');
  const { threshold } = cohort;
  const noisy = privacy && {
    scale: scaleTo(privacy.clip, Math.sqrt(squares)),
    draw: noiseOf(sigmaOfShare(privacy, threshold, { terms, dimension }), noiseKey(own, at, plain)),
    sent: { clip: privacy.clip, noiseMultiplier: shareOfNoise(privacy, threshold) },
  };
  const masks = updateMasks(own, at, directory, plain);
  const file = maskedFile({ layout, terms, masks }, scaled(differences(), noisy?.scale), weightOf, (fixed) => {
    if (noisy) for (let i = 0; i < fixed.length; i++) fixed[i] = (fixed[i] as number) + noisy.draw();
  });
  const bytes = await gathered(layout, file);
  const signed = updateMessage(own, at, directory, { plain, weights: sha256Hex(bytes) });
  await bindToCohort(store, message, body);
  await keepSent(store, { campaign, stage, round }, signed.content.commitment);
  return { bytes, message: signed, samples: most, digest: plain, ...(noisy && { privacy: noisy.sent }) };
}

async function* scaled(slices: AsyncIterable<Float32Array>, scale = 1): AsyncGenerator<Float32Array> {
  for await (const values of slices) yield scale === 1 ? values : values.map((value) => value * scale);
}

/**
 * The cohort that the site takes part in.
 *
 * @param plan SHA-256 of the plan that the site has agreed to
 * @throws FedcardioError `BAD_CONFIGURATION` if it is not that of the round and of the plan, or counts too many cases of a site
 */
export async function ownCohort(store: SiteStore, message: GpuTaskMessage, plan: string): Promise<KeptCohort> {
  const kept = await keptCohort(store, message);
  if (kept.sha256 !== message.secure?.cohort) throw other('The round is for another cohort than the one of this site.');
  if (kept.value.cohort.plan !== plan) throw other('The cohort is for another plan than the one that was agreed to.');
  // One that was kept by an earlier release.
  if (!message.privacy) requireFineStep(kept.value);
  return kept;
}

const other = (reason: string): FedcardioError =>
  new FedcardioError('BAD_CONFIGURATION', reason, { hint: 'Ask the coordinator why.' });

/** The whole file in memory. Parts are valid until the next one is requested. */
async function gathered(layout: StageStart['layout'], parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const bytes = new Uint8Array(maskedBytes(layout));
  let filled = 0;
  for await (const part of parts) {
    bytes.set(part, filled);
    filled += part.length;
  }
  return bytes;
}

/** Length of a masked update. */
function maskedBytes(layout: StageStart['layout']): number {
  const masked = maskedLayout(layout);
  const values = [...masked.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  return encodeSafetensorsHeader(masked).length + 4 * values;
}
