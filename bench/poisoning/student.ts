import { mergeUpdates } from '../../lib/aggregation/merge.ts';
import { isFedcardioError } from '../../lib/error.ts';
import type { FederationKey } from '../../lib/federation/keys.ts';
import type { Aggregation, StoredFile } from '../../lib/federation/schemas.ts';
import { taskOf } from '../../lib/federation/tasks.ts';
import { sha256Hex } from '../../lib/json.ts';
import { createNetwork } from '../../lib/models/network.ts';
import { landmarkMetrics } from '../../lib/scoring/metrics.ts';
import type { FederationStore } from '../../lib/storage/contract.ts';
import { inMemory, type PreparedCase } from '../../lib/training/cases.ts';
import { scoreCase } from '../../lib/training/evaluate.ts';
import { predictTasks } from '../../lib/training/infer.ts';
import { trainRound } from '../../lib/training/train-round.ts';
import { decodeSafetensors, encodeSafetensors } from '../../lib/weights/safetensors.ts';
import type { Weights } from '../../lib/weights/weights.ts';
import { ATTACKED_ROUNDS, type BenchSite, CLEAN_ROUNDS, MODEL, SEED, TASKS_OF_STUDENT, TRAINING } from './setting.ts';

/** The global model between two rounds. */
export interface Global {
  readonly weights: Weights;
  readonly file: StoredFile & { readonly state: StoredFile | null };
}

/** One site's honest work in a round; undefined if the model that it started from is too broken to train. */
export type SiteRound = { readonly weights: Weights; readonly optimizer: Weights } | undefined;

/** An honest site's part of a round. */
export async function trainSite(
  { id, cases }: BenchSite,
  round: number,
  global: Weights | undefined,
  optimizer: Weights | undefined,
): Promise<SiteRound> {
  try {
    return await trainRound({
      model: MODEL,
      training: TRAINING,
      tasks: TASKS_OF_STUDENT,
      cases: cases.map(inMemory),
      global,
      optimizer,
      round,
      rounds: CLEAN_ROUNDS + ATTACKED_ROUNDS,
      seed: SEED,
      site: id,
    });
  } catch (error) {
    if (!isFedcardioError(error, 'TRAINING_DIVERGED')) throw error;
    return undefined;
  }
}

export interface SentUpdate {
  readonly site: string;
  readonly samples: number;
  readonly weights: Weights;
}

/** What a round came to. */
export interface RoundResult {
  /** Undefined if the round failed. */
  readonly global: Global | undefined;
  readonly refused: readonly string[];
  readonly clipped: readonly string[];
}

/** Merges a round as the coordinator does: without the updates that it refuses. */
export async function mergeRound(
  store: FederationStore,
  sent: readonly SentUpdate[],
  aggregation: Aggregation,
  base: Global['file'] | null,
): Promise<RoundResult> {
  let inputs = await Promise.all(
    sent.map(async ({ site, samples, weights }) => {
      return { site, samples, weights: await stored(store, `updates/${site}`, encodeSafetensors(weights)) };
    }),
  );
  const refused: string[] = [];
  for (;;) {
    const [key, stateKey] = [`global-${++models}`, `state-${models}`] as FederationKey[];
    const options = { store, aggregation, base, delta: false, dtype: 'F32' } as const;
    const merged = await mergeUpdates(inputs, {
      ...options,
      key: key as FederationKey,
      stateKey: stateKey as FederationKey,
    });
    if (merged.kind === 'impossible') return { global: undefined, refused, clipped: [] };
    if (merged.kind === 'merged') {
      const { body } = await store.get(merged.global.key);
      const clipped = (merged.norms ?? []).filter(({ factor }) => factor < 1).map(({ site }) => site);
      return {
        global: { weights: decodeSafetensors(body), file: { ...merged.global, state: merged.state } },
        refused,
        clipped,
      };
    }
    const sites = merged.refused.map(({ input }) => input.site);
    refused.push(...sites);
    inputs = inputs.filter(({ site }) => !sites.includes(site));
  }
}

/** Number of the last merged model. */
let models = 0;

async function stored(store: FederationStore, name: string, file: Uint8Array): Promise<StoredFile> {
  const key = name as FederationKey;
  await store.put(key, file);
  return { key, sha256: sha256Hex(file), bytes: file.length };
}

/** A student's metrics over all held-out CTs. */
export interface StudentScore {
  /** Share of the landmarks found within 6 mm. */
  readonly within6mm: number;
  /** Median error of the landmarks that were found, mm; null if none was. */
  readonly medianMm: number | null;
}

/** The score of a model whose predictions are not numbers, and of a campaign that failed. */
export const NOTHING: StudentScore = { within6mm: 0, medianMm: null };

/** Scores a model on held-out CTs. */
export async function scoreStudent(weights: Weights, heldOut: readonly PreparedCase[]): Promise<StudentScore> {
  const network = createNetwork(MODEL, TASKS_OF_STUDENT, SEED);
  const errors: (number | null)[] = [];
  try {
    network.load(weights);
    for (const { image, targets } of heldOut) {
      const predictions = await predictTasks(network, image, image, TRAINING.patch, TASKS_OF_STUDENT);
      for (const [task, truth] of targets) {
        const prediction = predictions.get(task);
        const score = prediction && scoreCase(taskOf(TASKS_OF_STUDENT, task), truth, prediction);
        if (score && 'errors' in score) errors.push(...Object.values(score.errors));
      }
    }
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_WEIGHTS')) throw error;
    return NOTHING;
  } finally {
    network.dispose();
  }
  const { within6mm, median } = landmarkMetrics(errors);
  return { within6mm: within6mm ?? 0, medianMm: median };
}
