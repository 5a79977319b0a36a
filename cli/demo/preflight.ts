import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import { FedcardioError, systemError } from '../../lib/error.ts';
import { existingParent, freeBytes } from '../disk.ts';
import type { DemoOptions } from './options.ts';
import type { Profile } from './scenario.ts';

/**
 * Disk that a run may take in `--data`, bytes: twice of `du -sm` after a quick demo (268 MB), and of what a full one would
 * take (570 MB at the end). Files that are being replaced exist twice.
 */
export const DISK_NEED: Readonly<Record<Profile, number>> = { quick: 600e6, full: 1.2e9, experiment: 3e9 };

type Needs = Pick<DemoOptions, 'out' | 'data' | 'endpoint' | 'port' | 'resume'> & { readonly profile: Profile };

/**
 * Refuses what would end a run only after minutes: an output folder that cannot be written, too little disk, a used port.
 * Changes nothing.
 *
 * @throws FedcardioError BAD_CONFIGURATION or STORAGE_FULL
 */
export async function checkBeforeRun({ out, data, endpoint, port, profile, resume }: Needs): Promise<void> {
  requireWritable(out, '--out');
  requireWritable(data, '--data');
  if (endpoint !== undefined) return;
  // A resumed run has already taken a part that nobody has counted.
  if (!resume) requireSpace(data, DISK_NEED[profile]);
  await requireFreePort(port);
}

function requireWritable(path: string, option: string): void {
  const parent = existingParent(path);
  try {
    // Of a file, as of a folder that is not searchable, its entry "." cannot be reached.
    accessSync(`${parent}/.`, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const problem = systemError(cause, parent);
    throw new FedcardioError(
      'BAD_CONFIGURATION',
      `Nothing can be written to ${option} ${path}: ${problem?.message ?? String(cause)}`,
      { cause, hint: `Choose another folder with ${option}.` },
    );
  }
}

function requireSpace(path: string, need: number): void {
  const free = freeBytes(path);
  if (free >= need) return;
  throw new FedcardioError(
    'STORAGE_FULL',
    `The disk of ${path} has ${megabytes(free)} free, and the run takes up to ${megabytes(need)}.`,
    { hint: 'Free some space, or choose a folder on another disk with --data.' },
  );
}

const megabytes = (bytes: number): string => `${Math.floor(bytes / 1e6)} MB`;

/** Tries to listen on the port, and ends at once. */
async function requireFreePort(port: number): Promise<void> {
  if (port === 0) return;
  const server = createServer();
  try {
    await new Promise<void>((done, fail) => server.once('error', fail).listen(port, '127.0.0.1', done));
  } catch (cause) {
    const hint = 'Choose another one with --port, or 0 for any free one.';
    throw new FedcardioError('BAD_CONFIGURATION', `Port ${port} cannot be used: ${systemError(cause)?.message}`, {
      cause,
      hint,
    });
  } finally {
    await new Promise((done) => server.close(done));
  }
}
