import { federationKeys, type SiteKey } from '../lib/federation/keys.ts';
import {
  type GpuTaskMessage,
  type Score,
  type ScoreComparison,
  type Update,
  type UpdateDpSgd,
  type UpdatePrivacy,
  updateSchema,
} from '../lib/federation/schemas.ts';
import { hashedCases, recordLineage, type UsedCases } from '../lib/intake/lineage.ts';
import { isAnyWithdrawn, type WithdrawalRecords } from '../lib/intake/withdrawal-records.ts';
import { sha256Hex } from '../lib/json.ts';
import { peakRss } from '../lib/peak-rss.ts';
import type { MaskedUpdate } from '../lib/protocol/secure/mask-update.ts';
import { mutable } from '../lib/protocol/secure/mutable.ts';
import { createJson, documentBody } from '../lib/storage/documents.ts';
import type { EncodedUpdate } from '../lib/training/encode-update.ts';
import type { ValidationReport } from '../lib/training/validation-loss.ts';
import type { GpuTaskContext } from './context.ts';
import { recordSent } from './sent-record.ts';

/** The result of a stage at one site. */
export interface GpuTaskResult {
  readonly samples: number;
  /** Weights to publish; absent if the stage does not train. */
  readonly weights?: EncodedUpdate;
  /** What is signed beside masked weights. */
  readonly secure?: MaskedUpdate['message'];
  readonly figures: Readonly<Record<string, number>>;
  /** The cases behind the result. */
  readonly cases: UsedCases;
  /** How the weights were made private. */
  readonly privacy?: UpdatePrivacy;
  /** How they were trained with DP-SGD. */
  readonly dpSgd?: UpdateDpSgd;
  /** What the site found of the model that the round started from. */
  readonly validation?: ValidationReport;
  readonly scores?: readonly Score[];
  readonly comparisons?: readonly ScoreComparison[];
  /** Objects of the site to delete once the update is published. */
  readonly discard?: readonly SiteKey[];
}

/**
 * Records at the site what leaves it and which cases it comes from, then publishes weights first and metadata last, so that a
 * visible update is complete. Publishes nothing if one of the cases was withdrawn since the work began: the ledger is written
 * before the check, so that either the withdrawal sees the update, or this check sees the withdrawal.
 *
 * @param seconds duration of the work
 * @param consent SHA-256 of the site's consent, under which it leaves
 * @param withdrawals those before the work began
 * @returns whether it was published
 */
export async function publishUpdate(
  context: GpuTaskContext,
  message: GpuTaskMessage,
  result: GpuTaskResult,
  {
    seconds,
    consent,
    withdrawals,
  }: {
    readonly seconds: number;
    readonly consent?: string | undefined;
    readonly withdrawals: WithdrawalRecords;
  },
): Promise<boolean> {
  const { federationStore, now, backend } = context;
  const { campaign, stage, round, site, base } = message;
  const at = { campaign, stage, round };
  const { weights } = result;
  const sha256 = weights && sha256Hex(weights.bytes);
  const key = sha256 && federationKeys.updateWeights(at, site, sha256);
  const update: Extract<Update, { status: 'ok' }> = {
    schema: 'fedcardio.update/1',
    ...at,
    site,
    at: now().toISOString(),
    status: 'ok',
    samples: result.samples,
    weights: weights && key && sha256 ? { key, sha256, bytes: weights.bytes.length, delta: weights.delta } : null,
    ...(result.secure && { secure: mutable(result.secure) }),
    base: base?.sha256 ?? null,
    ...(consent !== undefined && { consent }),
    figures: result.figures,
    ...(result.privacy && { privacy: result.privacy }),
    ...(result.dpSgd && { dpSgd: result.dpSgd }),
    ...(result.validation && { validation: result.validation }),
    ...(result.scores ? { scores: [...result.scores] } : {}),
    ...(result.comparisons?.length ? { comparisons: [...result.comparisons] } : {}),
    seconds,
    backend,
    peakRss: peakRss(),
  };
  const updateKey = federationKeys.update(at, site, sha256 ?? 'report');
  const body = documentBody(updateSchema, update);
  const store = context.siteStore(site);
  const sentWeights = update.weights && {
    key: update.weights.key,
    sha256: update.weights.sha256,
    bytes: update.weights.bytes,
  };
  const cases = hashedCases(result.cases);
  await recordLineage(
    store,
    { site, ...at, kind: message.config.kind },
    {
      at: update.at,
      update: { key: updateKey, sha256: sha256Hex(body), bytes: Buffer.byteLength(body) },
      weights: sentWeights,
      base: update.base,
      cases,
    },
  );
  if (await isAnyWithdrawn(store, Object.values(cases).flat(), withdrawals)) return false;
  await recordSent(context, message, {
    weights: sentWeights,
    update: { key: updateKey, bytes: Buffer.byteLength(body) },
    samples: result.samples,
    scores: (result.scores?.length ?? 0) + (result.comparisons?.length ?? 0),
  });
  // An earlier attempt may have stored them: the key is their hash.
  if (weights && key) await federationStore.putIfAbsent(key, weights.bytes);
  await createJson(federationStore, updateKey, updateSchema, update);
  return true;
}
