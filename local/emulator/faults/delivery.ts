import type { NotificationRule } from './configuration.ts';

/** Longest time that a reordered notification waits for the next one. */
const REORDER_MS = 1000;

type Send = () => Promise<void>;

/** Delivers notifications to queues. */
export interface Delivery {
  /** Resolves when the parts that are not delayed have been sent. */
  deliver: (rule: NotificationRule | undefined, queue: string, send: Send) => Promise<void>;
  /** Sends all delayed notifications. */
  flush: () => Promise<void>;
}

export function createDelivery(): Delivery {
  const timers = new Map<Send, NodeJS.Timeout>();
  /** Notifications by queue that wait for the next one. */
  const held = new Map<string, Send[]>();

  function sendLater(ms: number, send: Send): void {
    const timer = setTimeout(() => void release(send), ms);
    timers.set(send, timer);
  }

  async function release(send: Send): Promise<void> {
    clearTimeout(timers.get(send));
    if (timers.delete(send)) await send();
  }

  async function sendAndRelease(queue: string, send: Send): Promise<void> {
    const waiting = held.get(queue) ?? [];
    held.delete(queue);
    await send();
    for (const earlier of waiting) await release(earlier);
  }

  return {
    async deliver(rule, queue, send) {
      switch (rule?.fault) {
        case undefined:
          return sendAndRelease(queue, send);
        case 'drop':
          return;
        case 'delay':
          // A new function each time, because one notification may be delayed twice.
          return sendLater(rule.ms, () => sendAndRelease(queue, send));
        case 'reorder': {
          const reordered = () => send();
          held.set(queue, [...(held.get(queue) ?? []), reordered]);
          return sendLater(REORDER_MS, reordered);
        }
        case 'duplicate':
          await sendAndRelease(queue, send);
          if (rule.ms === 0) return sendAndRelease(queue, send);
          return sendLater(rule.ms, () => sendAndRelease(queue, send));
      }
    },
    async flush() {
      for (const send of [...timers.keys()]) await release(send);
    },
  };
}
