import { startAskedWorker } from '../asked-worker.ts';
import type { MaskTerm } from './ring-masks.ts';

/** Adds masks in a thread of its own, as {@link createRingMasks} does. */
export interface MaskThread {
  /** Adds the masks to the next values, in place. */
  add(values: Int32Array): Promise<void>;
  close(): Promise<void>;
}

/** Values that the thread computes at once: 1 MiB. */
const BLOCK = 256 * 1024;
/** Blocks that it is ahead of the values, which come from a network. */
const AHEAD = 4;

/** The thread's source. Each message gets the masks of the next block. */
const SOURCE = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { createCipheriv } = require('node:crypto');
  const { terms, block } = workerData;
  // In parts that a processor's cache holds.
  const PART = 64 * 1024;
  const zeros = new Uint8Array(4 * PART);
  const streams = terms.map(({ seed, sign }) => ({
    cipher: createCipheriv('aes-256-ctr', seed, new Uint8Array(16)),
    sign,
  }));
  parentPort.on('message', () => {
    const sum = new Int32Array(block);
    for (let start = 0; start < block; start += PART) {
      const part = sum.subarray(start, start + PART);
      for (const { cipher, sign } of streams) {
        const bytes = cipher.update(zeros);
        const mask = new Int32Array(bytes.buffer, bytes.byteOffset, PART);
        if (sign === 1) for (let i = 0; i < PART; i++) part[i] += mask[i];
        else for (let i = 0; i < PART; i++) part[i] -= mask[i];
      }
    }
    parentPort.postMessage(sum, [sum.buffer]);
  });
`;

/** Starts the thread. It computes the next masks while the caller reads and writes. */
export function createMaskThread(terms: readonly MaskTerm[]): MaskThread {
  const worker = startAskedWorker<Int32Array<ArrayBuffer>>(SOURCE, { terms, block: BLOCK });
  const ask = () => worker.ask(0);
  const ahead = Array.from({ length: AHEAD }, ask);
  let current = new Int32Array();
  return {
    async add(values) {
      for (let start = 0; start < values.length; ) {
        if (current.length === 0) {
          current = await (ahead.shift() as ReturnType<typeof ask>);
          ahead.push(ask());
        }
        const count = Math.min(current.length, values.length - start);
        for (let i = 0; i < count; i++) values[start + i] = (values[start + i] as number) + (current[i] as number);
        current = current.subarray(count);
        start += count;
      }
    },
    close: worker.close,
  };
}
