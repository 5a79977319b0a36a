import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { StoredFile } from '../federation/schemas.ts';
import type { Objects } from '../storage/contract.ts';

/** An object that is written as its bytes come; nothing of it is visible before it is closed. */
export interface Output {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<StoredFile>;
  /** Gives up. Never throws. */
  abandon(): Promise<void>;
}

/** S3 wants parts of 5 MiB and more, 10,000 at most: enough for 78 GiB. */
const PART_BYTES = 8 * 1024 * 1024;

/** Starts an object. Its bytes are gathered into parts, which are sent while others come. */
export function openOutput(objects: Pick<Objects, 'putParts'>, bucket: string, key: string): Output {
  const parts = new PassThrough({ objectMode: true, highWaterMark: 1 });
  const sent = objects.putParts(bucket, key, parts);
  // It is awaited later: without a handler until then, a failure would end the process.
  sent.catch(() => undefined);
  const hash = createHash('sha256');
  let bytes = 0;
  let part = new Uint8Array(PART_BYTES);
  let filled = 0;

  async function send(): Promise<void> {
    const full = part.subarray(0, filled);
    part = new Uint8Array(PART_BYTES);
    filled = 0;
    hash.update(full);
    bytes += full.length;
    // A failed upload asks for no further part.
    if (!parts.write(full)) await Promise.race([once(parts, 'drain'), sent]);
  }

  return {
    write: async (more) => {
      for (let taken = 0; taken < more.length; ) {
        const some = more.subarray(taken, taken + PART_BYTES - filled);
        part.set(some, filled);
        filled += some.length;
        taken += some.length;
        if (filled === PART_BYTES) await send();
      }
    },
    close: async () => {
      if (filled > 0) await send();
      parts.end();
      await sent;
      return { key, sha256: hash.digest('hex'), bytes };
    },
    abandon: async () => {
      parts.destroy(new Error(`${key} was given up`));
      await sent.catch(() => undefined);
    },
  };
}
