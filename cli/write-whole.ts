import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { systemError } from '../lib/error.ts';

/**
 * Writes a file under another name, then renames it: a full disk or a kill leaves the file of before, or none, and no half of a file.
 *
 * @throws FedcardioError that names the file and the problem of the disk
 */
export function writeWhole(file: string, body: string | Uint8Array, { mode }: { readonly mode?: number } = {}): void {
  const unfinished = `${file}.new`;
  try {
    writeFileSync(unfinished, body, mode === undefined ? {} : { mode });
    renameSync(unfinished, file);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw systemError(error, file) ?? error;
  }
}
