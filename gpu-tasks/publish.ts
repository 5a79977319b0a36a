import { federationKeys, type RoundAddress } from '../lib/federation/keys.ts';
import { createJson } from '../lib/federation/protocol/documents.ts';
import { sha256Hex } from '../lib/federation/protocol/json.ts';
import { type Open, type Score, type Update, updateSchema } from '../lib/federation/schemas.ts';
import { encodeSafetensors } from '../lib/weights/safetensors.ts';
import type { Weights } from '../lib/weights/weights.ts';
import type { TaskContext } from './context.ts';

/** What a stage's work at one site amounts to. */
export interface TaskResult {
  readonly samples: number;
  readonly weights?: Weights;
  readonly figures: Readonly<Record<string, number>>;
  readonly scores?: readonly Score[];
}

/** Weights first, metadata last: an update is visible when it is whole. */
export async function publishUpdate(
  { objects, now, backend }: TaskContext,
  bucket: string,
  {
    at,
    site,
    open,
    seconds,
  }: { readonly at: RoundAddress; readonly site: string; readonly open: Open; readonly seconds: number },
  result: TaskResult,
): Promise<void> {
  const weights = result.weights ? encodeSafetensors(result.weights) : undefined;
  const sha256 = weights && sha256Hex(weights);
  const key = sha256 && federationKeys.updateWeights(at, site, sha256);
  if (weights && key) await objects.put(bucket, key, weights);
  const update: Update = {
    schema: 'fedcardio.update/1',
    ...at,
    site,
    at: now().toISOString(),
    status: 'ok',
    samples: result.samples,
    weights: weights && key && sha256 ? { key, sha256, bytes: weights.length } : null,
    base: open.base?.sha256 ?? null,
    figures: result.figures,
    ...(result.scores ? { scores: [...result.scores] } : {}),
    seconds,
    backend,
    peakRss: process.resourceUsage().maxRSS * 1024,
  };
  await createJson(objects, bucket, federationKeys.update(at, site, sha256 ?? 'report'), updateSchema, update);
}
