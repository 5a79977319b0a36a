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

/** S3 wants parts of 5 MiB and more, and 10,000 of them at most: enough for 78 GiB. */
const PART_BYTES = 8 * 1024 * 1024;

/**
 * Starts an object. Its bytes are gathered into parts, which are sent while others come.
 *
 * @param bytes its length
 */
export function openOutput(objects: Pick<Objects, 'putParts'>, bucket: string, key: string, bytes: number): Output {
  const parts = new PassThrough({ objectMode: true, highWaterMark: 1 });
  const sent = objects.putParts(bucket, key, parts);
  // Both are looked at later: without a handler until then, a failure would end the process.
  sent.catch(() => undefined);
  parts.on('error', () => undefined);
  const hash = createHash('sha256');
  let written = 0;
  let part = new Uint8Array(Math.min(PART_BYTES, bytes));
  let filled = 0;

  async function send(): Promise<void> {
    const full = part.subarray(0, filled);
    hash.update(full);
    written += filled;
    part = new Uint8Array(Math.min(PART_BYTES, bytes - written));
    filled = 0;
    // A failed upload asks for no further part.
    if (!parts.write(full)) await Promise.race([once(parts, 'drain'), sent]);
  }

  return {
    write: async (more) => {
      for (let taken = 0; taken < more.length; ) {
        const some = more.subarray(taken, taken + part.length - filled);
        part.set(some, filled);
        filled += some.length;
        taken += some.length;
        if (filled === part.length) await send();
      }
    },
    close: async () => {
      parts.end();
      await sent;
      return { key, sha256: hash.digest('hex'), bytes: written };
    },
    abandon: async () => {
      parts.destroy(new Error(`${key} was given up`));
      await sent.catch(() => undefined);
    },
  };
}
