import { totalmem } from 'node:os';
import { FedcardioError, isFedcardioError } from '../lib/error.ts';
import type { GpuTaskMessage, ModelConfig } from '../lib/federation/schemas.ts';
import type { Task } from '../lib/federation/tasks.ts';
import type { LearningStage } from '../lib/protocol/plan.ts';
import { trainingBytes } from '../lib/training/memory-estimate.ts';
import type { GpuTaskContext } from './context.ts';

/** Bytes of memory that this process may use: those of the machine, or less in a container with a limit. */
export const memoryLimit = (): number => Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);

/** Relative error of the estimate. */
const TOLERANCE = 0.3;

const HINT =
  'Give its GPU tasks more memory, or train on smaller patches or batches (`accumulate` restores the batch size).';

/**
 * TensorFlow's status RESOURCE_EXHAUSTED (8), as its binding says it: "Invalid TF_Status: 8\nMessage: OOM when allocating
 * tensor with shape[…] …". The C API has no other sign.
 */
const EXHAUSTED = /\bTF_Status: 8\b|\bOOM when allocating\b|\bRESOURCE_EXHAUSTED\b/;

/**
 * The failure of a GPU task whose tensors did not fit into memory: the same work would fail in the same way. Any other error
 * is returned as it is. What was allocated may tell of a case and is logged at the site alone.
 */
export function asMemoryFailure(
  { log }: Pick<GpuTaskContext, 'log'>,
  { site, stage }: Pick<GpuTaskMessage, 'site' | 'stage'>,
  error: unknown,
): unknown {
  if (!(error instanceof Error) || isFedcardioError(error) || !EXHAUSTED.test(error.message)) return error;
  log('out-of-memory', { site, stage, reason: error.message });
  return new FedcardioError('BAD_CONFIGURATION', `${site} has too little memory for stage ${stage}.`, {
    cause: error,
    hint: HINT,
  });
}

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
  if (needed * (1 - TOLERANCE) > limit) throw new FedcardioError('BAD_CONFIGURATION', problem, { hint: HINT });
  log('memory-short', { reason: `${problem} ${HINT}` });
}

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
