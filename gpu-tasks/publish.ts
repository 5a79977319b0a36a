import { federationKeys } from '../lib/federation/keys.ts';
import {
  type GpuTaskMessage,
  type Score,
  type ScoreComparison,
  type Update,
  updateSchema,
} from '../lib/federation/schemas.ts';
import { names } from '../lib/federation/topology.ts';
import { sha256Hex } from '../lib/json.ts';
import { peakRss } from '../lib/peak-rss.ts';
import { createJson } from '../lib/storage/documents.ts';
import type { EncodedUpdate } from '../lib/training/encode-update.ts';
import type { GpuTaskContext } from './context.ts';

/** What a stage's work at one site amounts to. */
export interface GpuTaskResult {
  readonly samples: number;
  /** What is sent of the model, by stages that learn. */
  readonly weights?: EncodedUpdate;
  readonly figures: Readonly<Record<string, number>>;
  readonly scores?: readonly Score[];
  readonly comparisons?: readonly ScoreComparison[];
  /** Keys in the site's bucket that nobody needs any more once the update is published. */
  readonly discard?: readonly string[];
}

/** Weights first, metadata last: an update is visible when it is whole. `seconds`: how long the work took. */
export async function publishUpdate(
  { objects, now, backend }: GpuTaskContext,
  message: GpuTaskMessage,
  result: GpuTaskResult,
  seconds: number,
): Promise<void> {
  const { campaign, stage, round, site, base } = message;
  const at = { campaign, stage, round };
  const bucket = names.federationBucket(message.federation);
  const { weights } = result;
  const sha256 = weights && sha256Hex(weights.bytes);
  const key = sha256 && federationKeys.updateWeights(at, site, sha256);
  if (weights && key) await objects.put(bucket, key, weights.bytes);
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
  await createJson(objects, bucket, federationKeys.update(at, site, sha256 ?? 'report'), updateSchema, update);
}
