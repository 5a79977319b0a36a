import { describeError, FedcardioError, isFedcardioError } from '../lib/error.ts';
import type { HandlerContext, SqsBatchResponse, SqsEvent } from './context.ts';

export type SqsRecord = SqsEvent['Records'][number];

/**
 * Runs `f` on the parsed JSON body of every record, one after the other. A record whose body is not JSON or whose
 * `f` throws is logged and reported as failed, and the others go on: one bad message must not send its whole batch
 * to the dead-letter queue.
 */
export async function forEachRecord(
  event: SqsEvent,
  context: HandlerContext,
  f: (body: unknown, record: SqsRecord) => Promise<void>,
): Promise<SqsBatchResponse> {
  const failures: { itemIdentifier: string }[] = [];
  for (const record of event.Records) {
    try {
      await f(parseBody(record), record);
    } catch (error) {
      failures.push({ itemIdentifier: record.messageId });
      context.log('record-failed', {
        messageId: record.messageId,
        receiveCount: record.attributes?.ApproximateReceiveCount,
        code: isFedcardioError(error) ? error.code : undefined,
        reason: describeError(error),
        stack: error instanceof Error ? error.stack : undefined,
      });
    }
  }
  return { batchItemFailures: failures };
}

function parseBody(record: SqsRecord): unknown {
  try {
    return JSON.parse(record.body);
  } catch (cause) {
    throw new FedcardioError('BAD_MESSAGE', `message ${record.messageId} is not JSON`, { cause });
  }
}
