import { openJournal } from '../journal.ts';
import { type Json, queueNameOf, type SqsAnswer, type SqsEngine } from './engine.ts';

/** What must be known to have the queues and their messages again. */
type QueueRecord =
  | { readonly op: 'queue'; readonly name: string; readonly attributes: Readonly<Record<string, string>> }
  | { readonly op: 'delete-queue'; readonly name: string }
  | { readonly op: 'purge'; readonly name: string }
  | { readonly op: 'send'; readonly name: string; readonly id: string; readonly message: Json }
  | { readonly op: 'delete'; readonly id: string };

interface Sent {
  readonly name: string;
  readonly message: Json;
}

/**
 * Keeps an engine's queues and undeleted messages in a journal, so that they outlive the process. Messages come
 * back to the queue that they were sent to, with new ids and their receives forgotten: one that a dead-letter
 * queue had taken is tried again.
 */
export async function makeDurable(engine: SqsEngine, file: string): Promise<SqsEngine> {
  const { journal, records } = openJournal<QueueRecord>(file);
  const queues = new Map<string, Readonly<Record<string, string>>>();
  const sent = new Map<string, Sent>();
  /** Message ids by the receipts that were given out for them. */
  const receipts = new Map<string, string>();

  for (const record of records) apply(record);
  await restore();

  function apply(record: QueueRecord): void {
    if (record.op === 'queue') queues.set(record.name, { ...queues.get(record.name), ...record.attributes });
    if (record.op === 'delete-queue') queues.delete(record.name);
    if (record.op === 'send') sent.set(record.id, record);
    if (record.op === 'delete') sent.delete(record.id);
    if (record.op === 'delete-queue' || record.op === 'purge') {
      for (const [id, { name }] of sent) if (name === record.name) sent.delete(id);
    }
  }

  function keep(record: QueueRecord): void {
    journal.append(record);
    apply(record);
  }

  async function restore(): Promise<void> {
    for (const [QueueName, Attributes] of queues) await engine.call('CreateQueue', { QueueName, Attributes });
    const messages = [...sent.values()];
    sent.clear();
    for (const { name, message } of messages) {
      const { body } = await engine.call('SendMessage', { ...message, QueueUrl: name });
      if (typeof body.MessageId === 'string') sent.set(body.MessageId, { name, message });
    }
    const kept: QueueRecord[] = Array.from(queues, ([name, attributes]) => ({ op: 'queue', name, attributes }));
    for (const [id, { name, message }] of sent) kept.push({ op: 'send', name, id, message });
    journal.rewrite(kept);
  }

  function forget(receipt: unknown): void {
    const id = receipts.get(String(receipt));
    receipts.delete(String(receipt));
    if (id !== undefined) keep({ op: 'delete', id });
  }

  /** Writes down what a successful action changed. */
  function record(action: string, input: Json, output: Json): void {
    const name = queueNameOf(String(input.QueueUrl ?? ''));
    if (action === 'CreateQueue') keep({ op: 'queue', name: String(input.QueueName), attributes: attributesOf(input) });
    if (action === 'SetQueueAttributes') keep({ op: 'queue', name, attributes: attributesOf(input) });
    if (action === 'DeleteQueue') keep({ op: 'delete-queue', name });
    if (action === 'PurgeQueue') keep({ op: 'purge', name });
    if (action === 'SendMessage') {
      keep({ op: 'send', name, id: String(output.MessageId), message: withoutQueue(input) });
    }
    if (action === 'SendMessageBatch') {
      for (const { Id, MessageId } of listOf(output.Successful)) {
        const entry = listOf(input.Entries).find((candidate) => candidate.Id === Id);
        if (entry) keep({ op: 'send', name, id: String(MessageId), message: withoutQueue(entry) });
      }
    }
    if (action === 'ReceiveMessage') {
      for (const { ReceiptHandle, MessageId } of listOf(output.Messages)) {
        receipts.set(String(ReceiptHandle), String(MessageId));
      }
    }
    if (action === 'DeleteMessage') forget(input.ReceiptHandle);
    if (action === 'DeleteMessageBatch') for (const entry of listOf(input.Entries)) forget(entry.ReceiptHandle);
  }

  return {
    async call(action: string, input: Json): Promise<SqsAnswer> {
      const answer = await engine.call(action, input);
      if (answer.status === 200) record(action, input, answer.body);
      return answer;
    },
    async close() {
      await engine.close();
      journal.close();
    },
  };
}

const listOf = (value: unknown): readonly Json[] => (Array.isArray(value) ? (value as Json[]) : []);

const attributesOf = (input: Json) => (input.Attributes ?? {}) as Readonly<Record<string, string>>;

const withoutQueue = ({ QueueUrl: _url, Id: _id, ...message }: Json): Json => message;
