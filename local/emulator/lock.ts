import { constants, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { FedcardioError } from '../../lib/error.ts';

/** Directories locked by this process. A lock file with its pid may be of an earlier process with the same pid. */
const locked = new Set<string>();

/**
 * Locks a directory for this process, because two servers would overwrite each other's journals. Takes over the lock of a
 * process that no longer runs.
 *
 * @returns unlocks the directory
 * @throws FedcardioError BAD_CONFIGURATION if a running process holds the lock
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const path = resolve(directory);
  const file = join(path, 'lock');
  await mkdir(path, { recursive: true });
  const previous = await readFile(file, 'utf8').catch(() => '');
  const owner = Number(previous);
  if (locked.has(path) || isOtherProcess(owner)) {
    throw new FedcardioError('BAD_CONFIGURATION', `Process ${owner} is using ${path}.`, {
      hint: `Stop it, or choose another directory. If it is not a fedcardio server, delete ${file}.`,
    });
  }
  locked.add(path);
  try {
    await overwrite(file, String(process.pid).padEnd(previous.length));
  } catch (error) {
    locked.delete(path);
    throw error;
  }
  return async () => {
    await rm(file, { force: true });
    locked.delete(path);
  };
}

/** Writes over a file without truncating it, which needs no space on a full disk. */
async function overwrite(file: string, text: string): Promise<void> {
  const handle = await open(file, constants.O_WRONLY | constants.O_CREAT);
  try {
    await handle.write(text, 0);
  } finally {
    await handle.close();
  }
}

/** Whether another process with this pid runs. This process's own pid in a file is of an earlier process. */
export const isOtherProcess = (pid: number): boolean => pid > 0 && pid !== process.pid && isAlive(pid);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
