import { readFileSync } from 'node:fs';
import { systemError } from '../lib/error.ts';

/**
 * Reads a file that the user named.
 *
 * @throws FedcardioError that names the file, also where the system's error does not
 */
export function readInput(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw systemError(error, file) ?? error;
  }
}
