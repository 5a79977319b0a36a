import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { FederationKey } from '../federation/keys.ts';
import type { StoredFile } from '../federation/schemas.ts';
import { parseSafetensorsHeader } from '../weights/safetensors-header.ts';
import type { PassOptions } from './pass.ts';

/** A safetensors object that is written as a stream. It becomes visible when it is closed. */
export interface Output {
  /** Adds values. They must not change until the promise resolves. */
  write(values: ArrayBufferView): Promise<void>;
  /** Completes the object. All values that the header describes must have been written. */
  close(): Promise<StoredFile>;
  /** Discards the object. Never throws. */
  abandon(): Promise<void>;
}

/** S3 requires parts of at least 5 MiB and at most 10,000 of them: enough for 48 GiB. */
const PART_BYTES = 5 * 1024 * 1024;

/** Starts an object with a header. Written values are collected into parts; a part uploads while the next one fills. */
export function openOutput(
  { store, hashes }: Pick<PassOptions, 'store' | 'hashes'>,
  key: FederationKey,
  header: Uint8Array,
): Output {
  const { dataStart, dataBytes } = parseSafetensorsHeader(header);
  const bytes = dataStart + dataBytes;
  const parts = new PassThrough({ objectMode: true, highWaterMark: 1 });
  // Memory of parts that are stored, for the next ones.
  const free: Uint8Array<ArrayBuffer>[] = [];
  const sent = store.putParts(key, parts, (stored) => free.push(stored as Uint8Array<ArrayBuffer>));
  // Errors surface when these are awaited later. Without a handler until then, they would end the process.
  sent.catch(() => undefined);
  parts.on('error', () => undefined);
  const hash = hashes.open();
  let missing = bytes;
  let part = new Uint8Array(Math.min(PART_BYTES, bytes));
  let filled = 0;

  async function gather(more: Uint8Array): Promise<void> {
    for (let taken = 0; taken < more.length; ) {
      const some = more.subarray(taken, taken + part.length - filled);
      part.set(some, filled);
      filled += some.length;
      taken += some.length;
      if (filled === part.length) await send();
    }
  }

  async function send(): Promise<void> {
    missing -= part.length;
    // A failed upload never drains: its error ends the wait.
    if (!parts.write(part)) await Promise.race([once(parts, 'drain'), sent]);
    // The last part may be shorter than the others.
    part = (free.pop() ?? new Uint8Array(Math.min(PART_BYTES, missing))).subarray(0, missing);
    filled = 0;
  }

  const add = async (more: Uint8Array) => {
    await Promise.all([hash.update(more), gather(more)]);
  };
  const started = add(header);
  started.catch(() => undefined);
  return {
    write: async ({ buffer, byteOffset, byteLength }) => {
      await started;
      await add(new Uint8Array(buffer, byteOffset, byteLength));
    },
    close: async () => {
      parts.end();
      await sent;
      return { key, sha256: await hash.digest(), bytes };
    },
    abandon: async () => {
      parts.destroy(new Error(`${key} was abandoned.`));
      await sent.catch(() => undefined);
    },
  };
}
