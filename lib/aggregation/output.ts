import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { FederationKey } from '../federation/keys.ts';
import type { StoredFile } from '../federation/schemas.ts';
import { parseSafetensorsHeader } from '../weights/safetensors-header.ts';
import type { PassOptions } from './pass.ts';

/** A safetensors object that is written as its bytes come; nothing of it is visible before it is closed. */
export interface Output {
  /** Adds values. They may change again when the promise is fulfilled. */
  write(values: ArrayBufferView): Promise<void>;
  /** All values that the header describes must have been written. */
  close(): Promise<StoredFile>;
  /** Gives up. Never throws. */
  abandon(): Promise<void>;
}

/** S3 wants parts of 5 MiB and more, and 10,000 of them at most: enough for 48 GiB. */
const PART_BYTES = 5 * 1024 * 1024;

/** Starts an object with a header. What is written is gathered into parts, which are sent while others come. */
export function openOutput(
  { store, hashes }: Pick<PassOptions, 'store' | 'hashes'>,
  key: FederationKey,
  header: Uint8Array,
): Output {
  const { dataStart, dataBytes } = parseSafetensorsHeader(header);
  const bytes = dataStart + dataBytes;
  const parts = new PassThrough({ objectMode: true, highWaterMark: 1 });
  const sent = store.putParts(key, parts);
  // Both are looked at later: without a handler until then, a failure would end the process.
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
    // A failed upload asks for no further part.
    if (!parts.write(part)) await Promise.race([once(parts, 'drain'), sent]);
    part = new Uint8Array(Math.min(PART_BYTES, missing));
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
      parts.destroy(new Error(`${key} was given up`));
      await sent.catch(() => undefined);
    },
  };
}
