import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { FedcardioError } from '../../lib/error.ts';

/** The directories that this process holds: its own id in a lock file may be that of an earlier process. */
const held = new Set<string>();

/**
 * Makes a directory one process's own: two servers would write over each other's journals. The lock of a process
 * that is gone is taken over.
 *
 * @returns gives the directory free again
 * @throws FedcardioError BAD_CONFIGURATION when a living process holds it
 */
export async function takeDirectory(directory: string): Promise<() => Promise<void>> {
  const path = resolve(directory);
  const file = join(path, 'lock');
  await mkdir(path, { recursive: true });
  const holder = Number(await readFile(file, 'utf8').catch(() => ''));
  if (held.has(path) || (holder > 0 && holder !== process.pid && isAlive(holder))) {
    throw new FedcardioError('BAD_CONFIGURATION', `Process ${holder} is using ${path}.`, {
      hint: `Stop it, or choose another directory. If it is no fedcardio server, delete ${file}.`,
    });
  }
  held.add(path);
  await writeFile(file, String(process.pid));
  return async () => {
    await rm(file, { force: true });
    held.delete(path);
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
