import { readFileSync } from 'node:fs';
import { FedcardioError } from '../lib/error.ts';
import { type Federation, federationSchema } from '../lib/federation/schemas.ts';
import { parseJson } from '../lib/json.ts';

/**
 * Reads federation.json.
 *
 * @param option how the caller lets another file be named, for the hint
 * @throws FedcardioError BAD_CONFIGURATION when the file cannot be read, BAD_MESSAGE when it is not a valid federation
 */
export function readFederation(file: string, option = '--federation FILE'): Federation {
  return parseJson(contents(file, option), federationSchema, file);
}

function contents(file: string, option: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new FedcardioError('BAD_CONFIGURATION', `The federation cannot be read from ${file}.`, {
      cause,
      hint: `Copy examples/paper/federation.json to federation.json and put your sites into it, or name a file with ${option}.`,
    });
  }
}
