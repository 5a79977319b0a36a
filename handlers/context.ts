import type { GpuTaskMessage } from '../lib/federation/schemas.ts';
import type { RoundContext } from '../lib/protocol/round-context.ts';
import type { Queues } from '../lib/storage/contract.ts';

/** Starts GPU tasks. Submitting the same message twice while it runs starts it once. */
export interface GpuTaskLauncher {
  /** @param deadline of the message's round, put off by pauses: what still runs then runs for nothing */
  submit(message: GpuTaskMessage, deadline: Date): Promise<void>;
}

/** All that a handler may touch. Lambda builds it from its environment, the local runner and tests pass their own. */
export interface HandlerContext extends RoundContext {
  readonly queues: Queues;
  readonly launcher: GpuTaskLauncher;
  /** One structured line: what happened and to what. */
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** The parts of Lambda's SQS event and of its answer that handlers use. */
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
