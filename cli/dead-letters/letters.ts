import { describeError, isFedcardioError } from '../../lib/error.ts';
import { sha256Hex } from '../../lib/json.ts';
import type { QueueMessage, Queues } from '../../lib/storage/contract.ts';

/** A queue with its dead-letter queue. */
export interface LetterQueue {
  readonly name: string;
  readonly deadLetterQueue: string;
}

/** How many dead letters a queue has, or why that cannot be found out. */
export interface QueueLetters {
  readonly queue: string;
  /** Approximate, as SQS counts. */
  readonly letters: number | undefined;
  readonly problem: string | undefined;
}

/** The numbers of dead letters. A queue of another account, which may not be read, does not hide the others. */
export async function countLetters(queues: Queues, all: readonly LetterQueue[]): Promise<readonly QueueLetters[]> {
  const found: QueueLetters[] = [];
  for (const { name, deadLetterQueue } of all) {
    try {
      const { waiting, inFlight } = await queues.depth(deadLetterQueue);
      found.push({ queue: name, letters: waiting + inFlight, problem: undefined });
    } catch (error) {
      if (!isFedcardioError(error)) throw error;
      found.push({ queue: name, letters: undefined, problem: describeError(error) });
    }
  }
  return found;
}

/** Longest wait for the next message of a queue that may be empty, seconds. */
const WAIT_SECONDS = 1;
const BATCH = 10;

/** Reads messages of a queue's dead-letter queue, and leaves them there: their receipts are given back at once. */
export async function readLetters(
  queues: Queues,
  { deadLetterQueue }: LetterQueue,
  most: number,
): Promise<readonly QueueMessage[]> {
  const read = new Map<string, QueueMessage>();
  try {
    while (read.size < most) {
      const max = Math.min(BATCH, most - read.size);
      const messages = await queues.receive(deadLetterQueue, { max, waitSeconds: WAIT_SECONDS });
      // A message that is seen twice has become visible again: all others were read meanwhile.
      if (messages.every(({ id }) => read.has(id))) break;
      for (const message of messages) read.set(message.id, message);
    }
  } finally {
    for (const { receipt } of read.values()) await queues.changeVisibility(deadLetterQueue, receipt, 0);
  }
  return [...read.values()];
}

interface Redriven {
  readonly queue: string;
  readonly sent: number;
  /** Messages that have the same content as one that was sent: copies, or failed again. They stay. */
  readonly cameBack: number;
}

/**
 * Sends a queue's dead letters to the queue again. A message is deleted after it was sent: an interruption can send one
 * twice, which every handler tolerates, but loses none. Safe to repeat.
 */
export async function redrive(queues: Queues, { name, deadLetterQueue }: LetterQueue): Promise<Redriven> {
  const sent = new Set<string>();
  const back: string[] = [];
  for (;;) {
    const messages = await queues.receive(deadLetterQueue, { max: BATCH, waitSeconds: WAIT_SECONDS });
    if (messages.length === 0) break;
    for (const { body, receipt } of messages) {
      const content = sha256Hex(body);
      if (sent.has(content)) {
        back.push(receipt);
        continue;
      }
      await queues.send(name, body);
      await queues.delete(deadLetterQueue, [receipt]);
      sent.add(content);
    }
  }
  for (const receipt of back) await queues.changeVisibility(deadLetterQueue, receipt, 0);
  return { queue: name, sent: sent.size, cameBack: back.length };
}
