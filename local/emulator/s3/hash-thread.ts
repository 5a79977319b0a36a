import { Worker } from 'node:worker_threads';

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
 * The worker's source, as text so that it runs from source and from a bundle. Each block is sent once and then referred to by its
 * number: V8 counts the whole size of a memory with every message that contains it. Replies come in the order of the messages.
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

interface Thread {
  readonly ask: (message: object) => Promise<readonly Uint8Array[] | undefined>;
  readonly hasEnded: () => boolean;
  readonly close: () => void;
}

function startThread(): Thread {
  const waiting: { resolve(digests?: readonly Uint8Array[]): void; reject(error: unknown): void }[] = [];
  let ended: Error | undefined;
  // Without the options of this process, which may say that a text is a module.
  const worker = new Worker(WORKER, { eval: true, execArgv: [] });
  worker.unref();
  const end = (error: Error) => {
    ended ??= error;
    for (const { reject } of waiting.splice(0)) reject(error);
  };
  worker.on('message', (digests?: readonly Uint8Array[]) => waiting.shift()?.resolve(digests));
  worker.on('error', end);
  worker.on('exit', () => end(new Error('The thread that hashes has ended.')));
  return {
    ask: (message) => {
      const answer = new Promise<readonly Uint8Array[] | undefined>((resolve, reject) => {
        if (ended) return reject(ended);
        waiting.push({ resolve, reject });
        worker.postMessage(message);
      });
      // A body that is given up does not wait for it.
      answer.catch(() => undefined);
      return answer;
    },
    hasEnded: () => ended !== undefined,
    close: () => void worker.terminate(),
  };
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
    close: () => thread?.close(),
  };
}
