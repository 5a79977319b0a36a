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

/** Why a queue could not be read. */
export interface QueueProblem {
  readonly queue: string;
  readonly problem: string;
}

/** Works on each queue. One that may not be read, or that is not deployed yet, stops no other. */
export async function eachQueue<T>(all: readonly LetterQueue[], work: (queue: LetterQueue) => Promise<T>) {
  const results: { readonly queue: string; readonly result: T }[] = [];
  const problems: QueueProblem[] = [];
  for (const queue of all) {
    try {
      results.push({ queue: queue.name, result: await work(queue) });
    } catch (error) {
      if (!isFedcardioError(error)) throw error;
      problems.push({ queue: queue.name, problem: describeError(error) });
    }
  }
  return { results, problems };
}

/** The numbers of dead letters. */
export async function countLetters(queues: Queues, all: readonly LetterQueue[]): Promise<readonly QueueLetters[]> {
  const { results, problems } = await eachQueue(all, ({ deadLetterQueue }) => queues.depth(deadLetterQueue));
  const counts = new Map(results.map(({ queue, result }) => [queue, result.waiting + result.inFlight]));
  const reasons = new Map(problems.map(({ queue, problem }) => [queue, problem]));
  return all.map(({ name }) => ({ queue: name, letters: counts.get(name), problem: reasons.get(name) }));
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
