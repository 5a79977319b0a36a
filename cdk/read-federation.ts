import { readFileSync } from 'node:fs';
import { FedcardioError } from '../lib/error.ts';
import { type Federation, federationSchema } from '../lib/federation/schemas.ts';
import { parseJson } from '../lib/json.ts';

/**
 * Reads federation.json.
 *
 * @throws FedcardioError BAD_CONFIGURATION when the file cannot be read, BAD_MESSAGE when it is not a valid federation
 */
export function readFederation(file: string): Federation {
  return parseJson(contents(file), federationSchema, file);
}

function contents(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new FedcardioError('BAD_CONFIGURATION', `The federation cannot be read from ${file}.`, {
      cause,
      hint: 'Copy examples/paper/federation.json to federation.json and put your sites into it, or name a file with -c federation=FILE.',
    });
  }
}
