import type { HandlerContext } from '../../handlers/context.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import { type GpuTaskMessage, planSchema, type Summary, updateSchema } from '../../lib/federation/schemas.ts';
import { sha256Hex } from '../../lib/json.ts';
import { recordFailure } from '../../lib/protocol/gpu-tasks.ts';
import { learns, trains } from '../../lib/protocol/plan.ts';
import { maskUpdate } from '../../lib/protocol/secure/mask-update.ts';
import { mutable } from '../../lib/protocol/secure/mutable.ts';
import { stageStart } from '../../lib/protocol/stage-start.ts';
import { createJson, readJson } from '../../lib/storage/documents.ts';
import { decodeSafetensors, encodeSafetensors } from '../../lib/weights/safetensors.ts';
import type { Weights, WeightTensor } from '../../lib/weights/weights.ts';

/** A site whose training adds a number to the global model. */
export interface SimulatedSite {
  readonly id: string;
  /** Number of its cases, each with labels of every task. */
  readonly samples: number;
  /**
   * Behaviour of its GPU tasks: send an update, nothing, a recorded failure, weights that are not finite, an update that
   * claims more cases than were counted, or an update that names another base model.
   */
  readonly behaviour: 'good' | 'silent' | 'fails' | 'diverges' | 'overclaims' | 'wrong-base';
}

/** Adds `samples` + 0.1, times 1, 2 and 3, to the three values of the base model; they are 0 without one. */
export function trainedBy({ behaviour, samples }: SimulatedSite, base: Weights | undefined): Weights {
  const step = behaviour === 'diverges' ? Number.NaN : samples + 0.1;
  const start = base?.get('w')?.data ?? new Float32Array(3);
  return new Map([['w', { dtype: 'F32', shape: [3], data: start.map((value, i) => value + step * (i + 1)) }]]);
}

/** The validation loss of a model at a site, which is as good as random. A third of the sites has no validation cases. */
function scoreOf({ id, samples }: SimulatedSite, model: string) {
  if (samples % 3 === 0) return undefined;
  return {
    loss: Number.parseInt(sha256Hex(`${id} ${model}`).slice(0, 6), 16) / 2 ** 24,
    cases: Math.min(samples, 1 + (samples % 7)),
  };
}

/**
 * Answers a GPU task as a real one does: weights first, metadata last.
 *
 * @param onAnswer called before the answer is written, with its key and whether a round may merge it
 */
export async function answerGpuTask(
  context: Pick<HandlerContext, 'federationStore' | 'federation' | 'now' | 'log'> &
    Partial<Pick<HandlerContext, 'siteStore'>>,
  site: SimulatedSite,
  { campaign, stage, round, base, config, ...message }: GpuTaskMessage,
  onAnswer: (key: string, isUsable: boolean) => void = () => {},
): Promise<void> {
  const { federationStore, now } = context;
  const { behaviour } = site;
  const at = { campaign, stage, round };
  if (behaviour === 'silent') return;
  if (behaviour === 'fails') return recordFailure(context, { ...message, ...at }, 'no GPU available');
  const { siteStore } = context;
  if (message.secure && siteStore)
    return answerMasked(
      { federationStore, siteStore, now },
      site,
      { campaign, stage, round, base, config, ...message },
      onAnswer,
    );
  const model = base ? decodeSafetensors((await federationStore.get(base.key)).body) : undefined;
  const file = trains(config, round) ? encodeSafetensors(trainedBy(site, model)) : undefined;
  const sha256 = file && sha256Hex(file);
  const weightsKey = sha256 && federationKeys.updateWeights(at, site.id, sha256);
  if (file && weightsKey) await federationStore.put(weightsKey, file);
  const key = federationKeys.update(at, site.id, sha256 ?? 'report');
  const isSound = behaviour !== 'diverges' || !file;
  onAnswer(key, isSound && behaviour !== 'overclaims' && behaviour !== 'wrong-base');
  await createJson(federationStore, key, updateSchema, {
    schema: 'fedcardio.update/1',
    ...at,
    site: site.id,
    at: now().toISOString(),
    status: 'ok',
    samples: behaviour === 'overclaims' ? site.samples + 1_000_000 : site.samples,
    weights: file && weightsKey && sha256 ? { key: weightsKey, sha256, bytes: file.length, delta: false } : null,
    base: behaviour === 'wrong-base' ? sha256Hex('another model') : (base?.sha256 ?? null),
    figures: { loss: 1 / round },
    ...(learns(config) && config.validate && base && { validation: scoreOf(site, base.sha256) }),
    seconds: 1,
  });
}

/** What a site's training changes each value of a masked round by: less than the range. */
export const maskedStep = ({ samples }: Pick<SimulatedSite, 'samples'>, round: number, index: number): number =>
  Math.fround(((samples % 50) + round + (index % 7)) / 1000);

/** The same with masks: the network is the stage's own, since its layout is known to all. */
async function answerMasked(
  { federationStore, siteStore, now }: Pick<HandlerContext, 'federationStore' | 'siteStore' | 'now'>,
  site: SimulatedSite,
  message: GpuTaskMessage,
  onAnswer: (key: string, isUsable: boolean) => void,
): Promise<void> {
  const { campaign, stage, round, base } = message;
  const at = { campaign, stage, round };
  const plan = await readJson(federationStore, federationKeys.plan(campaign), planSchema);
  const { layout, tensor } = await stageStart(federationStore, plan.value, stage);
  const model = base ? decodeSafetensors((await federationStore.get(base.key)).body) : undefined;
  const from = async (name: string) => model?.get(name)?.data ?? tensor(name);
  const weights = new Map<string, WeightTensor>();
  for (const [name, { shape }] of layout) {
    const data = (await from(name)).map((value, i) => value + maskedStep(site, round, i));
    weights.set(name, { dtype: 'F32', shape, data });
  }
  const { samples } = site;
  const trained = { plan: plan.sha256, weights, untrained: [], samples, from, layout };
  const masked = await maskUpdate(siteStore(site.id), message, trained);
  const sha256 = sha256Hex(masked.bytes);
  const weightsKey = federationKeys.updateWeights(at, site.id, sha256);
  await federationStore.putIfAbsent(weightsKey, masked.bytes);
  const key = federationKeys.update(at, site.id, sha256);
  onAnswer(key, true);
  await createJson(federationStore, key, updateSchema, {
    schema: 'fedcardio.update/1',
    ...at,
    site: site.id,
    at: now().toISOString(),
    status: 'ok',
    samples: masked.samples,
    weights: { key: weightsKey, sha256, bytes: masked.bytes.length, delta: true },
    secure: mutable(masked.message),
    base: base?.sha256 ?? null,
    figures: {},
    seconds: 1,
  });
}

export const summaryOf = ({ id, samples }: Pick<SimulatedSite, 'id' | 'samples'>, now: Date): Summary => ({
  schema: 'fedcardio.summary/1',
  site: id,
  at: now.toISOString(),
  cases: { training: samples, evaluation: samples, rejected: 0 },
  labelled: { 'hinge-points': samples },
  labelledEvaluation: {},
});
