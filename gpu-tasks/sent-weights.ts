import type { RoundPrivacy, UpdatePrivacy } from '../lib/federation/schemas.ts';
import type { LearningStage } from '../lib/protocol/plan.ts';
import { maskUpdate } from '../lib/protocol/secure/mask-update.ts';
import { stageStart } from '../lib/protocol/stage-start.ts';
import { type EncodedUpdate, encodeUpdate } from '../lib/training/encode-update.ts';
import type { Weights } from '../lib/weights/weights.ts';
import type { GpuTaskContext } from './context.ts';
import { privateWeights, startingWeights } from './private-weights.ts';
import type { GpuTaskResult } from './publish.ts';
import type { StageInput } from './stage-input.ts';

/** What a site has trained in a round. */
interface Trained {
  readonly weights: Weights;
  readonly untrained: readonly string[];
  readonly figures: GpuTaskResult['figures'];
  readonly samples: number;
}

/** What a round starts from, and how its updates are made private. */
interface RoundTerms {
  readonly global: Weights | undefined;
  /** Imported weights of the stage. */
  readonly init: Weights | undefined;
  readonly privacy: RoundPrivacy | undefined;
}

/** What leaves a site after training. */
interface SentWeights extends Pick<GpuTaskResult, 'samples' | 'secure' | 'figures'> {
  readonly weights: EncodedUpdate;
  readonly privacy?: UpdatePrivacy | undefined;
  /** Digest of what noise was added to; undefined if the site has added none. */
  readonly noisy?: string | undefined;
}

/** A site's weights as they leave it: under masks if the round asks for them, else encoded; with noise if the round is private. */
export const sentWeights = (
  input: StageInput<LearningStage>,
  context: GpuTaskContext,
  trained: Trained,
  terms: RoundTerms,
): Promise<SentWeights> =>
  input.message.secure ? maskedWeights(input, context, trained, terms) : plainWeights(input, trained, terms);

async function maskedWeights(
  { message, plan, planSha256, stage, data }: StageInput<LearningStage>,
  { federationStore }: GpuTaskContext,
  trained: Trained,
  { global, privacy }: RoundTerms,
): Promise<SentWeights> {
  const { layout, tensor } = await stageStart(federationStore, plan, stage.name);
  const from = global ? async (name: string) => global.get(name)?.data ?? new Float32Array() : tensor;
  const masked = await maskUpdate(data.store, message, { ...trained, plan: planSha256, layout, from, privacy });
  const { bytes, message: secure, samples, privacy: added, digest } = masked;
  return { samples, weights: { bytes, delta: true }, secure, figures: {}, privacy: added, noisy: added && digest };
}

async function plainWeights(
  { message, plan, stage, data }: StageInput<LearningStage>,
  { weights, untrained, figures, samples }: Trained,
  { global, init, privacy }: RoundTerms,
): Promise<SentWeights> {
  const from = privacy && (global ?? startingWeights(plan, stage, weights.keys(), init));
  const made = privacy && from && (await privateWeights(data.store, message, privacy, weights, from));
  // Which heads made a step is not covered by the noise, which hides it in the weights.
  const encoded = encodeUpdate(made?.weights ?? weights, global, stage.encoding, made ? [] : untrained);
  return { samples, weights: encoded, figures, privacy: made?.privacy, noisy: made?.digest };
}
