import { type AskedWorker, startAskedWorker } from '../../../lib/asked-worker.ts';

/** Hashes bodies in a thread of their own: MD5 and SHA-256 take as long as all else that a put does. */
export interface HashThread {
  /** Begins the hashes of a body. */
  open(algorithms: readonly ('md5' | 'sha256')[]): BodyHash;
  close(): void;
}

/** The hashes of one body, which passes through a block of shared memory. */
export interface BodyHash {
  readonly block: Uint8Array;
  /** Adds the first bytes of the block, which must not change until the promise resolves. */
  update(length: number): Promise<void>;
  /** In the order of the algorithms. */
  digests(): Promise<readonly Buffer[]>;
  /** Gives the block to another body. */
  release(): void;
}

/**
 * The thread's source. Each block is sent once and then referred to by its number: V8 counts the whole size of a memory with every
 * message that contains it.
 */
const WORKER = `
  const { parentPort } = require('node:worker_threads');
  const { createHash } = require('node:crypto');
  const bodies = [];
  parentPort.on('message', ({ number, memory, algorithms, length }) => {
    if (memory) bodies[number] = { block: new Uint8Array(memory) };
    const body = bodies[number];
    if (algorithms) body.hashes = algorithms.map((name) => createHash(name));
    if (length === undefined) parentPort.postMessage(body.hashes.map((hash) => hash.digest()));
    else {
      for (const hash of body.hashes) hash.update(body.block.subarray(0, length));
      parentPort.postMessage(undefined);
    }
  });
`;

type Thread = AskedWorker<readonly Uint8Array[] | undefined>;

function startThread(): Thread {
  const thread = startAskedWorker<readonly Uint8Array[] | undefined>(WORKER);
  thread.unref();
  return thread;
}

/** A block, its number in a thread, and whether the thread has it. */
interface Slot {
  readonly number: number;
  readonly block: Uint8Array;
  isKnown: boolean;
}

/**
 * Starts the thread with the first body, and another one if it has ended. As many blocks stay as there were bodies at once.
 *
 * @param blockBytes bytes of each block
 */
export function createHashThread(blockBytes: number): HashThread {
  let thread: Thread | undefined;
  let free: Slot[] = [];
  let slots = 0;

  return {
    open(algorithms) {
      if (!thread || thread.hasEnded()) [thread, free, slots] = [startThread(), [], 0];
      const own = thread;
      const slot = free.pop() ?? {
        number: slots++,
        block: new Uint8Array(new SharedArrayBuffer(blockBytes)),
        isKnown: false,
      };
      let isBegun = false;
      const ask = (more: { readonly length?: number }) => {
        const memory = slot.isKnown ? {} : { memory: slot.block.buffer };
        const begin = isBegun ? {} : { algorithms };
        [slot.isKnown, isBegun] = [true, true];
        return own.ask({ number: slot.number, ...memory, ...begin, ...more });
      };
      return {
        block: slot.block,
        update: async (length) => void (await ask({ length })),
        digests: async () => ((await ask({})) ?? []).map((bytes) => Buffer.from(bytes)),
        release: () => {
          if (own === thread) free.push(slot);
        },
      };
    },
    close: () => void thread?.close(),
  };
}
