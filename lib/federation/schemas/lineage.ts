import { z } from 'zod';
import { file, id, sha256, stageName, time, version } from './common.ts';

/** A part of a case's hash, as `withdrawn/` has it: the ledger leads to a case only for someone who knows its name. */
const caseHash = z.string().regex(/^[0-9a-f]{16}$/, 'expected 16 lower-case hexadecimal digits');

/**
 * How a GPU task uses a case. `training`: the weights learn from it, whoever labelled it. `validation`: its loss decides which
 * model is kept. `pseudo-label`: a teacher labels it. `evaluation`: models are scored on it.
 */
export const CASE_USES = ['training', 'validation', 'pseudo-label', 'evaluation'] as const;

/** The cases behind one update. */
const lineageEntry = z.strictObject({
  at: time,
  /** The update's metadata: key, SHA-256 and length of its bytes. */
  update: file,
  /** The update's weights; null if it has none. */
  weights: file.nullable(),
  /** SHA-256 of the model that the round started from; null in a stage's first round. */
  base: sha256.nullable(),
  /** The cases that were used, sorted; each list only if it has cases. */
  cases: z.partialRecord(z.enum(CASE_USES), z.array(caseHash).min(1)),
});

/** Most entries that a round keeps: a GPU task that is restarted before it has published writes one each time. */
export const MAX_LINEAGE_ENTRIES = 16;

/** Which cases went into what a site sent for a round. Written before it leaves. The newest entry is the last. */
export const lineageSchema = z.strictObject({
  schema: version('lineage'),
  site: id,
  campaign: id,
  stage: stageName,
  round: z.int().positive(),
  /** Kind of the stage, such as `teacher`. */
  kind: z.string(),
  updates: z.array(lineageEntry).min(1).max(MAX_LINEAGE_ENTRIES),
});

/** Most updates that a notice names. A case of 200 rounds in 50 campaigns has 10,000. */
export const MAX_NOTICE_UPDATES = 100_000;

/**
 * A site's notice that a case was withdrawn: the SHA-256 of the weights that it sent and that learnt from the case, or of the
 * metadata of updates without weights. Nothing else: neither when, nor what the case was.
 */
export const noticeSchema = z.strictObject({
  schema: version('withdrawal-notice'),
  updates: z.array(sha256).min(1).max(MAX_NOTICE_UPDATES),
});

/** `sites/<site>/withdrawals/<id>.json` of the federation bucket. */
export type Notice = z.infer<typeof noticeSchema>;
export type CaseUseInStage = (typeof CASE_USES)[number];
/** `lineage/<campaign>/<stage>/<round>.json` of a site. */
export type Lineage = z.infer<typeof lineageSchema>;
export type LineageEntry = Lineage['updates'][number];
