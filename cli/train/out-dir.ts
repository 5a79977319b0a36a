import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FedcardioError, systemError } from '../../lib/error.ts';
import type { Campaign, Federation } from '../../lib/federation/schemas.ts';
import { freeBytes } from '../disk.ts';
import { writeWhole } from '../write-whole.ts';
import type { Material } from './material.ts';

/** Files of the out directory that a new run would replace. */
const RESULTS = ['campaign.json', 'report.json'];

/**
 * Creates the directory of the results, before any work.
 *
 * @param own the researcher's campaign.json, which may lie in it
 * @throws FedcardioError if it cannot be written, or holds results of an earlier run
 */
export function prepareOut(out: string, own: string | null, isResumed: boolean): void {
  const earlier = RESULTS.map((name) => join(out, name)).find(
    (file) => existsSync(file) && (own === null || resolve(file) !== resolve(own)),
  );
  if (earlier && !isResumed) {
    throw new FedcardioError('BAD_CONFIGURATION', `${earlier} exists, and would be replaced.`, {
      hint: 'Choose another folder with --out.',
    });
  }
  const probe = join(out, '.fedcardio-write-test');
  try {
    mkdirSync(out, { recursive: true });
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (error) {
    throw systemError(error, out) ?? error;
  }
}

/** Space for models, queues and predictions. */
const SPARE_BYTES = 200e6;

/**
 * Requires space for the buckets' copies of the files.
 *
 * @throws STORAGE_FULL if the disk of `data` has too little
 */
export function requireSpace(data: string, { sites }: Pick<Material, 'sites'>): void {
  const free = freeBytes(data);
  const files = sites.flatMap(({ cases }) => cases.flatMap((one) => one.files));
  const needed = files.reduce(
    (sum, { path }) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0),
    SPARE_BYTES,
  );
  if (free >= needed) return;
  const mb = (bytes: number) => `${Math.round(bytes / 1e6).toLocaleString('en')} MB`;
  throw new FedcardioError(
    'STORAGE_FULL',
    `The run needs ${mb(needed)} below ${data}, and the disk has ${mb(free)} left.`,
    { hint: 'Free space, or choose a directory on another disk with --data.' },
  );
}

/** Writes what the run was started with, to be changed and used again, and to be read when the run is continued. */
export function writeInputs(out: string, federation: Federation, campaign: Campaign, own: string | null): void {
  const write = (name: string, value: unknown) => writeWhole(join(out, name), `${JSON.stringify(value, null, 2)}\n`);
  write('federation.json', federation);
  if (own === null || resolve(own) !== resolve(out, 'campaign.json')) write('campaign.json', campaign);
}
