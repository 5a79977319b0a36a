import { mkdirSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { systemError } from '../../lib/error.ts';

/**
 * Writes what arrives to a new file that only this user may read. If that fails, nothing of it is left, so that the browser may send
 * it again. A file that was there before stays.
 *
 * @param shown the file, as errors name it
 */
export async function receiveFile(file: string, shown: string, body: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // Opened before anything can fail, so that what is removed afterwards is not created later.
    const handle = await open(file, 'wx', 0o600);
    await pipeline(Readable.from(body), handle.createWriteStream()).catch((error: unknown) => {
      rmSync(file, { force: true });
      throw error;
    });
  } catch (error) {
    throw systemError(error, shown) ?? error;
  }
}
