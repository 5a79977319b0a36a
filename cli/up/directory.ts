import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FedcardioError, systemError } from '../../lib/error.ts';
import { type Federation, federationSchema } from '../../lib/federation/schemas.ts';
import { parseJson } from '../../lib/json.ts';
import { freeBytes } from '../disk.ts';
import { readInput } from '../read-input.ts';
import { writeWhole } from '../write-whole.ts';

/** The directory of a federation that runs on this machine. */
export interface UpDirectory {
  /** Absolute. */
  readonly path: string;
  /** Directory of the embedded server. */
  readonly server: string;
  /** File of everything that functions and GPU tasks log, a line each event. */
  readonly log: string;
  readonly federation: Federation;
  /** The file that declares the federation; undefined for the default one. */
  readonly declaredBy: string | undefined;
  /** Keeps the federation, so that the next start finds it. */
  save(): void;
}

/** Two sites. The id is the one that the commands for campaigns have by default. */
const DEFAULT_FEDERATION: Federation = {
  schema: 'fedcardio.federation/1',
  id: 'fedcardio',
  sites: [
    { id: 'bonn', name: 'Bonn' },
    { id: 'jena', name: 'Jena' },
  ],
};

/** Below this, bytes, the checkpoints and updates of the first campaign would fill the disk. */
const LEAST_FREE = 1e9;

/**
 * Opens the directory. The federation is that of `file`, else of federation.json in the working directory, else the one
 * that the directory had before, else {@link DEFAULT_FEDERATION}.
 *
 * @throws FedcardioError that says what is wrong with the directory, the disk or the federation, before anything is written
 */
export function openUpDirectory(data: string, file?: string, leastFree = LEAST_FREE): UpDirectory {
  const path = resolve(data);
  const kept = join(path, 'federation.json');
  const declaredBy = file ?? ['federation.json', kept].find((candidate) => existsSync(candidate));
  const federation = declaredBy === undefined ? DEFAULT_FEDERATION : read(declaredBy);
  if (existsSync(kept)) requireSame(path, read(kept), federation);
  prepareDirectory(path, leastFree);
  return {
    path,
    server: join(path, 'server'),
    log: join(path, 'up.log'),
    federation,
    declaredBy,
    save: () => writeWhole(kept, `${JSON.stringify(federation, null, 2)}\n`),
  };
}

const read = (file: string): Federation => parseJson(readInput(file), federationSchema, file);

function requireSame(path: string, before: Federation, now: Federation): void {
  if (before.id === now.id) return;
  throw new FedcardioError('BAD_CONFIGURATION', `${path} holds the federation "${before.id}", not "${now.id}".`, {
    hint: 'Choose another directory with --data.',
  });
}

/**
 * Creates a directory of buckets.
 *
 * @throws FedcardioError if it cannot be written, or its disk has too little space
 */
export function prepareDirectory(path: string, leastFree = LEAST_FREE): void {
  try {
    mkdirSync(path, { recursive: true });
    accessSync(path, constants.W_OK);
  } catch (error) {
    throw systemError(error, path) ?? error;
  }
  const free = freeBytes(path);
  if (free >= leastFree) return;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new FedcardioError(
    'STORAGE_FULL',
    `The disk of ${path} has ${gigabytes(free)} free, at least ${gigabytes(leastFree)} are needed.`,
    { hint: 'Free some space, or choose a directory on another disk with --data.' },
  );
}
