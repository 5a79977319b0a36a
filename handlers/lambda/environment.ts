import { readFileSync } from 'node:fs';
import { describeError, FedcardioError } from '../../lib/error.ts';
import { type Federation, federationSchema } from '../../lib/federation/schemas.ts';
import { parseDocument } from '../../lib/json.ts';

/** The environment variables that the stacks set, parsed. */
export interface Environment {
  readonly federation: Federation;
  /** Undefined for a function of the coordinator. */
  readonly site: string | undefined;
  /** Endpoint of S3 and SQS, such as an emulator's; undefined for AWS's own. */
  readonly endpoint: string | undefined;
}

/** A variable that must be set. @throws FedcardioError BAD_CONFIGURATION */
export function required(name: string): string {
  const value = process.env[name];
  if (value) return value;
  throw new FedcardioError('BAD_CONFIGURATION', `The function's environment lacks ${name}.`, {
    hint: 'The stacks set it: deploy them again.',
  });
}

/** A variable that must be a number of bytes. @throws FedcardioError BAD_CONFIGURATION */
export function requiredBytes(name: string): number {
  const text = required(name);
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new FedcardioError('BAD_CONFIGURATION', `${name} is "${text}", not a number of bytes.`);
}

export function readEnvironment(): Environment {
  const federation = readFederation(required('FEDCARDIO_FEDERATION'));
  const site = process.env.FEDCARDIO_SITE || undefined;
  if (site !== undefined && !federation.sites.some(({ id }) => id === site)) {
    throw new FedcardioError(
      'BAD_CONFIGURATION',
      `FEDCARDIO_SITE is "${site}", which federation "${federation.id}" lacks.`,
    );
  }
  return { federation, site, endpoint: process.env.FEDCARDIO_ENDPOINT || undefined };
}

const FILE = 'file:';

/**
 * Parses the federation: JSON, or `file:` and a path relative to the bundle. Lambda limits an environment to 4 kB, which
 * 64 sites exceed.
 */
function readFederation(text: string): Federation {
  if (!text.startsWith(FILE)) return parseDocument(Buffer.from(text), federationSchema, 'FEDCARDIO_FEDERATION');
  const file = new URL(text.slice(FILE.length), import.meta.url);
  try {
    return parseDocument(readFileSync(file), federationSchema, text);
  } catch (cause) {
    if (!(cause instanceof Error) || !('syscall' in cause)) throw cause;
    throw new FedcardioError(
      'BAD_CONFIGURATION',
      `FEDCARDIO_FEDERATION: cannot read ${file.pathname}: ${describeError(cause)}`,
      {
        cause,
        hint: "The file is part of the function's code: deploy the stacks again.",
      },
    );
  }
}
