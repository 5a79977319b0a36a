import { totalmem } from 'node:os';
import { FedcardioError } from '../lib/error.ts';
import type { ModelConfig } from '../lib/federation/schemas.ts';
import type { Task } from '../lib/federation/tasks.ts';
import type { LearningStage } from '../lib/protocol/plan.ts';
import { trainingBytes } from '../lib/training/memory-estimate.ts';
import type { GpuTaskContext } from './context.ts';

/** Bytes of memory that this process may use: those of the machine, or less in a container with a limit. */
export const memoryLimit = (): number => Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);

/** Relative error of the estimate. */
const TOLERANCE = 0.3;

/**
 * Estimates and logs the peak memory of a training before it starts.
 *
 * @param cachedBytes bytes of the CTs in the cache during training
 * @throws FedcardioError `BAD_CONFIGURATION` if the estimate exceeds the limit by more than its error. The system would
 * otherwise kill every attempt without a message.
 */
export function checkMemory(
  { log, memoryLimit: limit }: GpuTaskContext,
  site: string,
  model: ModelConfig,
  stage: LearningStage,
  tasks: readonly Task[],
  cachedBytes: number,
): void {
  const needed =
    process.memoryUsage.rss() + cachedBytes + trainingBytes(model, stage.training, tasks, stage.kind === 'probe');
  log('memory', { estimatedPeak: gibibytes(needed), ...(limit === undefined ? {} : { limit: gibibytes(limit) }) });
  if (limit === undefined || needed <= limit) return;
  const problem = `${site} has ${gibibytes(limit)} of memory, but the training needs about ${gibibytes(needed)}.`;
  const hint =
    'Give its GPU tasks more memory, or train on smaller patches or batches (`accumulate` restores the batch size).';
  if (needed * (1 - TOLERANCE) > limit) throw new FedcardioError('BAD_CONFIGURATION', problem, { hint });
  log('memory-short', { reason: `${problem} ${hint}` });
}

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
