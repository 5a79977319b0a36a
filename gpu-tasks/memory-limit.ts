import { totalmem } from 'node:os';
import { FedcardioError } from '../lib/error.ts';
import type { ModelConfig } from '../lib/federation/schemas.ts';
import { type LearningStage, tasksOf } from '../lib/protocol/plan.ts';
import { trainingBytes } from '../lib/training/memory-estimate.ts';
import type { GpuTaskContext } from './context.ts';

/** Memory that this process may take: the machine's, or less where a container has a limit. Bytes. */
export const memoryLimit = (): number => Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);

/** An estimate may be so far off. */
const TOLERANCE = 0.3;

/**
 * Says what a training will take at its peak, before it starts.
 *
 * @param held bytes of CTs that are kept for the next patches
 * @throws FedcardioError `BAD_CONFIGURATION` where that is so much more than there is that it cannot end well: the
 * system would kill the task without a word, again and again.
 */
export function stateMemory(
  { log, memoryLimit: limit }: GpuTaskContext,
  site: string,
  model: ModelConfig,
  stage: LearningStage,
  held: number,
): void {
  const needed =
    process.memoryUsage.rss() + held + trainingBytes(model, stage.training, tasksOf(stage), stage.kind === 'probe');
  log('memory', { estimatedPeak: gigabytes(needed), ...(limit === undefined ? {} : { limit: gigabytes(limit) }) });
  if (limit === undefined || needed <= limit) return;
  const problem = `${site} has ${gigabytes(limit)} of memory for a training that takes about ${gigabytes(needed)}.`;
  const hint = 'Give its tasks more memory, or train on smaller patches or batches: accumulate makes up for batches.';
  if (needed * (1 - TOLERANCE) > limit) throw new FedcardioError('BAD_CONFIGURATION', problem, { hint });
  log('memory-short', { reason: `${problem} ${hint}` });
}

const gigabytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
