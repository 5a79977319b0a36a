import { describeError, type ErrorCode, FedcardioError } from '../lib/error.ts';
import type { GpuTaskMessage } from '../lib/federation/schemas.ts';
import { isFresh, isGpuTaskDue, recordFailure } from '../lib/protocol/gpu-tasks.ts';
import type { GpuTaskContext } from './context.ts';
import { evaluateSite } from './evaluate.ts';
import { pseudoLabelSite } from './pseudo-label.ts';
import { type GpuTaskResult, publishUpdate } from './publish.ts';
import { openSiteData } from './site-data.ts';
import type { StageInput } from './stage-input.ts';
import { trainSite } from './train.ts';

/** `done`: this run made the update. `already`: the site had answered or the round had closed; nothing was done. */
export type GpuTaskOutcome = 'done' | 'already' | 'failed';

/**
 * Does one site's work for one round and publishes its update. Safe to start any number of times: a site that has
 * answered does nothing. What a retry cannot mend (no data, a loss that is not finite) is published as a failed
 * update, so that nobody waits; anything else is thrown, for the launcher to retry: `INTERRUPTED` when the task was told
 * to stop in the middle and has kept where it is.
 */
export async function runGpuTask(message: GpuTaskMessage, context: GpuTaskContext): Promise<GpuTaskOutcome> {
  const { campaign, stage, round, site } = message;
  const at = { campaign, stage, round };
  if (!isFresh(message, context.now()) && !(await isGpuTaskDue(context, message))) return 'already';
  const data = openSiteData(context.siteStore(site), context.cache);
  const started = context.now().getTime();
  try {
    const result = await runStage({ stage: message.config, message, at, data }, context);
    await publishUpdate(context, message, result, (context.now().getTime() - started) / 1000);
    for (const key of result.discard ?? []) await data.store.delete(key);
    return 'done';
  } catch (error) {
    if (!(error instanceof FedcardioError) || !TERMINAL.has(error.code)) throw error;
    await recordFailure(context, message, describeError(error), error.code);
    return 'failed';
  }
}

/** Trying again on the same objects would end the same way. None of these names a case: no case id leaves the site. */
const TERMINAL: ReadonlySet<ErrorCode> = new Set(['NO_DATA', 'BAD_CONFIGURATION', 'TRAINING_DIVERGED', 'BAD_WEIGHTS']);

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
