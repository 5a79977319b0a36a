import { randomUUID } from 'node:crypto';
import type { QueueMessage, Queues } from './contract.ts';

interface StoredMessage {
  readonly id: string;
  readonly body: string;
  readonly receiveCount: number;
  readonly receipt: string | undefined;
  /** Milliseconds since the epoch until which the message is hidden. */
  readonly visibleAt: number;
}

/** {@link Queues} in memory, for tests. A queue exists as soon as it is used. */
export function createMemoryQueues(options: { readonly visibilityTimeoutSeconds?: number } = {}): Queues {
  const visibilityMs = (options.visibilityTimeoutSeconds ?? 30) * 1000;
  const queues = new Map<string, Map<string, StoredMessage>>();
  const wakers = new Set<() => void>();

  function messagesOf(name: string): Map<string, StoredMessage> {
    const known = queues.get(name) ?? new Map<string, StoredMessage>();
    queues.set(name, known);
    return known;
  }
  const wake = () => {
    for (const waker of wakers) waker();
  };

  function take(name: string, max: number): readonly QueueMessage[] {
    const messages = messagesOf(name);
    const visible = [...messages.values()].filter((message) => message.visibleAt <= Date.now()).slice(0, max);
    return visible.map((message) => {
      const taken = {
        id: message.id,
        body: message.body,
        receiveCount: message.receiveCount + 1,
        receipt: randomUUID(),
      };
      messages.set(message.id, { ...taken, visibleAt: Date.now() + visibilityMs });
      return taken;
    });
  }

  /** Resolves when a message was sent or becomes visible, at the deadline, or when `signal` aborts. */
  function waitForChange(name: string, deadline: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const due = Math.min(deadline, ...[...messagesOf(name).values()].map((message) => message.visibleAt));
      const timer = setTimeout(done, Math.max(1, due - Date.now()));
      function done() {
        clearTimeout(timer);
        wakers.delete(done);
        signal?.removeEventListener('abort', done);
        resolve();
      }
      wakers.add(done);
      signal?.addEventListener('abort', done, { once: true });
    });
  }

  return {
    send: async (name, body) => {
      const id = randomUUID();
      messagesOf(name).set(id, { id, body, receiveCount: 0, receipt: undefined, visibleAt: 0 });
      wake();
    },
    receive: async (name, { max, waitSeconds, signal }) => {
      const deadline = Date.now() + waitSeconds * 1000;
      while (!signal?.aborted) {
        const taken = take(name, max);
        if (taken.length > 0 || Date.now() >= deadline) return taken;
        await waitForChange(name, deadline, signal);
      }
      return [];
    },
    delete: async (name, receipts) => {
      for (const { id, receipt } of [...messagesOf(name).values()]) {
        if (receipt !== undefined && receipts.includes(receipt)) messagesOf(name).delete(id);
      }
    },
    changeVisibility: async (name, receipt, seconds) => {
      const message = [...messagesOf(name).values()].find((candidate) => candidate.receipt === receipt);
      if (!message || message.visibleAt <= Date.now()) return;
      messagesOf(name).set(message.id, { ...message, visibleAt: Date.now() + seconds * 1000 });
      wake();
    },
    depth: async (name) => {
      const all = [...messagesOf(name).values()];
      const inFlight = all.filter((message) => message.visibleAt > Date.now()).length;
      return { waiting: all.length - inFlight, inFlight };
    },
  };
}
