import { describeErrorOf, type ErrorCode, FedcardioError } from '../lib/error.ts';
import { FAILED_ID, federationKeys } from '../lib/federation/keys.ts';
import { type GpuTaskMessage, planSchema, updateSchema } from '../lib/federation/schemas.ts';
import { readWithdrawalRecords } from '../lib/intake/withdrawal-records.ts';
import { requireConsent } from '../lib/protocol/consent/at-site.ts';
import { deploymentOf, failedUpdate, isFresh, isGpuTaskDue, recordFailure } from '../lib/protocol/gpu-tasks.ts';
import { definitionsOf } from '../lib/protocol/plan.ts';
import { documentBody, readJson } from '../lib/storage/documents.ts';
import { validationSplitOf } from '../lib/training/validation-split.ts';
import { withinLimits } from './consent-limits.ts';
import type { GpuTaskContext } from './context.ts';
import { evaluateSite } from './evaluate.ts';
import { asMemoryFailure } from './memory-limit.ts';
import { plannedStage } from './planned-stage.ts';
import { pseudoLabelSite } from './pseudo-label.ts';
import { type GpuTaskResult, publishUpdate } from './publish.ts';
import { recordSent } from './sent-record.ts';
import { openSiteData } from './site-data.ts';
import type { StageInput } from './stage-input.ts';
import { trainSite } from './train.ts';

/** `done`: this run published the update. `already`: the GPU task was not due. `failed`: it published a failed update. */
export type GpuTaskOutcome = 'done' | 'already' | 'failed';

/**
 * Does one site's work for one round and publishes its update. Idempotent: does nothing if the site has answered. Errors
 * that a retry cannot fix (no data, too little memory, a loss that is not finite) are published as a failed update, so that
 * the round need not wait. Other errors are thrown for the launcher to retry, such as `INTERRUPTED` after a request to stop.
 */
export async function runGpuTask(message: GpuTaskMessage, context: GpuTaskContext): Promise<GpuTaskOutcome> {
  const { campaign, round, site } = message;
  const at = { campaign, stage: message.stage, round };
  if (!isFresh(message, context.now()) && !(await isGpuTaskDue(context, message))) return 'already';
  const started = context.now().getTime();
  try {
    const document = await readJson(context.federationStore, federationKeys.plan(campaign), planSchema);
    const { value: plan } = document;
    const consentNow = () =>
      requireConsent({ site, store: context.siteStore(site), now: context.now }, campaign, document);
    await consentNow();
    const stage = plannedStage(plan, message);
    const split = validationSplitOf(plan.campaign, definitionsOf(plan));
    const data = openSiteData(context.siteStore(site), context.cache, context.log, campaign, split);
    for (;;) {
      const withdrawals = await readWithdrawalRecords(data.store);
      const result = await runStage(
        { stage, message, at, plan, planSha256: document.sha256, data, withdrawals },
        context,
      );
      // The site may have withdrawn it in the meantime.
      const consent = await consentNow();
      const allowed = consent ? withinLimits(result, consent.value.limits) : result;
      // A clock may be set back meanwhile.
      const seconds = Math.max(0, context.now().getTime() - started) / 1000;
      const how = { seconds, consent: consent?.sha256, withdrawals };
      const isPublished = await publishUpdate(context, message, allowed, how);
      for (const key of result.discard ?? []) await data.store.delete(key);
      if (isPublished) return 'done';
      // Ends: every further pass needs a further withdrawal.
      context.log('case-withdrawn', { ...at, site, reason: 'The work starts again without the withdrawn case.' });
    }
  } catch (thrown) {
    const error = asMemoryFailure(context, message, thrown);
    if (!(error instanceof FedcardioError) || !TERMINAL.has(error.code)) throw error;
    const reason = describeErrorOf(deploymentOf(site), error);
    const key = federationKeys.update(at, site, FAILED_ID);
    const failed = failedUpdate(message, reason, error.code, context.now());
    const update = { key, bytes: Buffer.byteLength(documentBody(updateSchema, failed)) };
    await recordSent(context, message, { weights: null, update, failure: { code: error.code, reason: failed.reason } });
    await recordFailure(context, message, reason, error.code);
    return 'failed';
  }
}

/** Errors that a retry cannot fix. Their messages must not name a case, because case ids stay at the site. */
const TERMINAL: ReadonlySet<ErrorCode> = new Set([
  'NO_DATA',
  'NO_CONSENT',
  'BUDGET_EXCEEDED',
  'BAD_CONFIGURATION',
  'TRAINING_DIVERGED',
  'BAD_WEIGHTS',
  'NEWER_SCHEMA',
]);

function runStage(input: StageInput, context: GpuTaskContext): Promise<GpuTaskResult> {
  const { stage } = input;
  switch (stage.kind) {
    case 'teacher':
    case 'student':
    case 'probe':
      return trainSite({ ...input, stage }, context);
    case 'pseudo-label':
      return pseudoLabelSite({ ...input, stage }, context);
    case 'evaluate':
      return evaluateSite({ ...input, stage }, context);
  }
}
