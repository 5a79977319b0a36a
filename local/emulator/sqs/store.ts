import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openJournal } from '../journal.ts';
import type { QueueAttributes } from './attributes.ts';
import type { Message } from './message.ts';
import { createVisibility, type Visibility } from './visibility.ts';
import { createWaiters, type Waiters } from './waiters.ts';

/** A queue without its messages. Times are in milliseconds since 1970. */
export interface QueueSettings {
  readonly name: string;
  readonly attributes: QueueAttributes;
  readonly tags: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly modifiedAt: number;
}

/** A change of state, as the journal holds it. */
type QueueRecord =
  | ({ readonly op: 'queue' } & QueueSettings)
  | { readonly op: 'delete-queue'; readonly name: string }
  | { readonly op: 'purge'; readonly name: string }
  | { readonly op: 'send'; readonly name: string; readonly message: Message }
  | { readonly op: 'receive'; readonly name: string; readonly ids: readonly string[]; readonly at: number }
  | { readonly op: 'delete'; readonly name: string; readonly id: string }
  /** Moves a message to another queue, where it becomes `message`. */
  | { readonly op: 'move'; readonly name: string; readonly id: string; readonly to: string; readonly message: Message };

export interface Queue extends QueueSettings {
  readonly messages: Map<string, Message>;
  readonly visibility: Visibility;
  readonly waiters: Waiters;
}

/** Queues and messages, in memory and in a journal. */
export interface QueueStore {
  readonly now: () => number;
  queues(): Iterable<Queue>;
  queue(name: string): Queue | undefined;
  /** Makes a change durable and visible. */
  commit(record: QueueRecord): void;
  close(): void;
}

/**
 * Opens the store as the last process left it. Messages that were in flight become visible at once, because their
 * receivers have lost the connection. Their receipts stay valid until the messages are received again.
 *
 * @param now milliseconds since 1970
 */
export function openQueueStore(directory: string, now: () => number): QueueStore {
  mkdirSync(directory, { recursive: true });
  const queues = new Map<string, Queue>();
  const journal = openJournal<QueueRecord>(join(directory, 'journal.jsonl'), (record) => apply(queues, record));
  for (const { visibility, messages } of queues.values()) {
    for (const { id, visibleAt } of messages.values()) visibility.place(id, visibleAt, now());
  }
  const messages = [...queues.values()].reduce((sum, queue) => sum + queue.messages.size, 0);
  journal.compactBy(() => recordsOf(queues), queues.size + messages);

  return {
    now,
    queues: () => queues.values(),
    queue: (name) => queues.get(name),
    commit(record) {
      journal.append(record);
      apply(queues, record);
      if (record.op === 'send') place(queues, record.name, record.message, now());
      if (record.op === 'move') place(queues, record.to, record.message, now());
    },
    close() {
      for (const { waiters } of queues.values()) waiters.close();
      journal.close();
    },
  };
}

function place(queues: ReadonlyMap<string, Queue>, name: string, message: Message, now: number): void {
  const queue = queues.get(name);
  queue?.visibility.place(message.id, message.visibleAt, now);
  queue?.waiters.wake();
}

function apply(queues: Map<string, Queue>, record: QueueRecord): void {
  if (record.op === 'queue') {
    const { op: _, ...settings } = record;
    queues.set(record.name, { ...(queues.get(record.name) ?? emptyQueue()), ...settings });
    return;
  }
  const queue = queues.get(record.name);
  if (!queue) throw new Error(`The journal names a queue that it did not create: ${record.name}.`);
  switch (record.op) {
    case 'delete-queue':
      queues.delete(record.name);
      queue.waiters.close();
      return;
    case 'purge':
      queue.messages.clear();
      queue.visibility.clear();
      return;
    case 'send':
      queue.messages.set(record.message.id, record.message);
      return;
    case 'receive':
      for (const id of record.ids) {
        const message = queue.messages.get(id);
        if (message) queue.messages.set(id, received(message, record.at));
      }
      return;
    case 'delete':
      queue.messages.delete(record.id);
      queue.visibility.remove(record.id);
      return;
    case 'move':
      queue.messages.delete(record.id);
      queue.visibility.remove(record.id);
      queues.get(record.to)?.messages.set(record.message.id, record.message);
      return;
  }
}

const received = (message: Message, at: number): Message => ({
  ...message,
  receives: message.receives + 1,
  firstReceivedAt: message.firstReceivedAt ?? at,
});

const emptyQueue = () => {
  const visibility = createVisibility();
  return { messages: new Map<string, Message>(), visibility, waiters: createWaiters(visibility) };
};

/** The shortest journal that results in these queues. */
function* recordsOf(queues: ReadonlyMap<string, Queue>): Generator<QueueRecord> {
  for (const { messages: _m, visibility: _v, waiters: _w, ...settings } of queues.values())
    yield { op: 'queue', ...settings };
  for (const { name, messages } of queues.values()) {
    for (const message of messages.values()) yield { op: 'send', name, message };
  }
}
