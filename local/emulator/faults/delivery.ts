import type { NotificationRule } from './configuration.ts';

/** How long a notification waits for one to let pass. */
const REORDER_MS = 1000;

type Send = () => Promise<void>;

/** Notifications on their way to queues. */
export interface Delivery {
  /** Done when what is sent at once has been sent. */
  deliver: (rule: NotificationRule | undefined, queue: string, send: Send) => Promise<void>;
  /** Sends all that is held back, now. */
  settle: () => Promise<void>;
}

export function createDelivery(): Delivery {
  const timers = new Map<Send, NodeJS.Timeout>();
  /** By queue, what lets the next one pass. */
  const passed = new Map<string, Send[]>();

  function later(ms: number, send: Send): void {
    const timer = setTimeout(() => void release(send), ms);
    timers.set(send, timer);
  }

  async function release(send: Send): Promise<void> {
    clearTimeout(timers.get(send));
    if (timers.delete(send)) await send();
  }

  async function letPass(queue: string, send: Send): Promise<void> {
    const waiting = passed.get(queue) ?? [];
    passed.delete(queue);
    await send();
    for (const held of waiting) await release(held);
  }

  return {
    async deliver(rule, queue, send) {
      switch (rule?.fault) {
        case undefined:
          return letPass(queue, send);
        case 'drop':
          return;
        case 'delay':
          // Another function each time: one notification may be under way twice.
          return later(rule.ms, () => letPass(queue, send));
        case 'reorder': {
          const held = () => send();
          passed.set(queue, [...(passed.get(queue) ?? []), held]);
          return later(REORDER_MS, held);
        }
        case 'duplicate':
          await letPass(queue, send);
          if (rule.ms === 0) return letPass(queue, send);
          return later(rule.ms, () => letPass(queue, send));
      }
    },
    async settle() {
      for (const send of [...timers.keys()]) await release(send);
    },
  };
}
