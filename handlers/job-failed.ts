import { isLost } from '../lib/federation/exit-codes.ts';
import { type BatchJobEvent, batchJobEventSchema, gpuTaskAddressSchema } from '../lib/federation/schemas.ts';
import { parseDocument, parseValue } from '../lib/json.ts';
import { isGpuTaskDue, recordFailure } from '../lib/protocol/gpu-tasks.ts';
import type { HandlerContext } from './context.ts';

/**
 * Records that a site's Batch job has failed for good, so that the round does not wait for the site. A job that was lost,
 * with its storage or its host, has not answered: the GPU task's next message starts it again.
 */
export async function jobFailed(event: unknown, context: HandlerContext): Promise<void> {
  const { detail } = parseValue(event, batchJobEventSchema, 'the event');
  const { jobId, jobName, status } = detail;
  if (status !== 'FAILED') return context.log('job-has-not-failed', { jobId, jobName, status });
  const text = detail.container.environment.find(({ name }) => name === 'FEDCARDIO_TASK')?.value;
  const where = `FEDCARDIO_TASK of job ${jobName}`;
  const message = parseDocument(new TextEncoder().encode(text), gpuTaskAddressSchema, where);
  const { campaign, stage, round, site } = message;
  const at = { campaign, stage, round, site, jobId };
  const last = detail.attempts.at(-1);
  const lastEnd = { exitCode: last?.container?.exitCode, reason: last?.statusReason };
  if (isLost(lastEnd, { reason: detail.statusReason }))
    return context.log('job-lost', { ...at, reason: reasonOf(detail) });
  // The GPU task may have answered before its container failed, or its round may be closed.
  if (await isGpuTaskDue(context, message)) await recordFailure(context, message, reasonOf(detail), 'JOB_FAILED');
  else context.log('task-not-due', at);
}

/** Batch's reasons for the failure: "Task failed to start; CannotPullContainerError; exit code 1". */
function reasonOf({ statusReason, attempts }: BatchJobEvent['detail']): string {
  const last = attempts.at(-1);
  const code = last?.container?.exitCode;
  const parts = [
    statusReason,
    last?.statusReason,
    last?.container?.reason,
    code === undefined ? undefined : `exit code ${code}`,
    attempts.length > 1 ? `${attempts.length} attempts` : undefined,
  ];
  return `The Batch job of the GPU task failed: ${[...new Set(parts)].filter((part) => part !== undefined).join('; ') || 'Batch gives no reason'}.`;
}
