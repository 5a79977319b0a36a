import { federationKeys, type SiteKey } from '../lib/federation/keys.ts';
import {
  type GpuTaskMessage,
  type Score,
  type ScoreComparison,
  type Update,
  updateSchema,
} from '../lib/federation/schemas.ts';
import { sha256Hex } from '../lib/json.ts';
import { peakRss } from '../lib/peak-rss.ts';
import { createJson } from '../lib/storage/documents.ts';
import type { EncodedUpdate } from '../lib/training/encode-update.ts';
import type { GpuTaskContext } from './context.ts';

/** The result of a stage at one site. */
export interface GpuTaskResult {
  readonly samples: number;
  /** Weights to publish; absent if the stage does not train. */
  readonly weights?: EncodedUpdate;
  readonly figures: Readonly<Record<string, number>>;
  readonly scores?: readonly Score[];
  readonly comparisons?: readonly ScoreComparison[];
  /** Objects of the site to delete once the update is published. */
  readonly discard?: readonly SiteKey[];
}

/**
 * Publishes weights first and metadata last, so that a visible update is complete.
 *
 * @param seconds duration of the work
 */
export async function publishUpdate(
  { federationStore, now, backend }: GpuTaskContext,
  message: GpuTaskMessage,
  result: GpuTaskResult,
  seconds: number,
): Promise<void> {
  const { campaign, stage, round, site, base } = message;
  const at = { campaign, stage, round };
  const { weights } = result;
  const sha256 = weights && sha256Hex(weights.bytes);
  const key = sha256 && federationKeys.updateWeights(at, site, sha256);
  if (weights && key) await federationStore.put(key, weights.bytes);
  const update: Update = {
    schema: 'fedcardio.update/1',
    ...at,
    site,
    at: now().toISOString(),
    status: 'ok',
    samples: result.samples,
    weights: weights && key && sha256 ? { key, sha256, bytes: weights.bytes.length, delta: weights.delta } : null,
    base: base?.sha256 ?? null,
    figures: result.figures,
    ...(result.scores ? { scores: [...result.scores] } : {}),
    ...(result.comparisons?.length ? { comparisons: [...result.comparisons] } : {}),
    seconds,
    backend,
    peakRss: peakRss(),
  };
  await createJson(federationStore, federationKeys.update(at, site, sha256 ?? 'report'), updateSchema, update);
}
