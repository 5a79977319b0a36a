import type { GpuTaskMessage } from '../lib/federation/schemas.ts';
import type { RoundContext } from '../lib/protocol/context.ts';
import type { Queues, Stores } from '../lib/storage/contract.ts';

/**
 * Starts GPU tasks. Idempotent: submitting a message again while its GPU task runs starts nothing. A GPU task that fails
 * for good must be reported with `recordFailure` (lib/protocol/gpu-tasks.ts), or its round waits for the deadline. For a
 * scheduler that can submit, describe and find jobs, implement `BatchQueue` and use `createBatchLauncher`.
 */
export interface GpuTaskLauncher {
  /** @param deadline when a GPU task becomes useless: the round's deadline, extended by pauses and for late updates */
  submit(message: GpuTaskMessage, deadline: Date): Promise<void>;
}

/** The dependencies of a handler. Lambda functions build them from the environment; the queue runner and tests pass their own. */
export interface HandlerContext extends RoundContext, Stores {
  readonly federationStore: Stores['federationStore'];
  readonly queues: Queues;
  readonly launcher: GpuTaskLauncher;
}

/** The parts of Lambda's SQS event and of its response that handlers use. */
export interface SqsEvent {
  readonly Records: readonly {
    readonly messageId: string;
    readonly body: string;
    readonly attributes?: Readonly<Record<string, string>>;
  }[];
}

export interface SqsBatchResponse {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

export type SqsHandler = (event: SqsEvent, context: HandlerContext) => Promise<SqsBatchResponse>;
