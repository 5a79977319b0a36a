import { existsSync, statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** The folder that exists, of a path that need not. */
export function existingParent(path: string): string {
  const whole = resolve(path);
  return existsSync(whole) || dirname(whole) === whole ? whole : existingParent(dirname(whole));
}

/** Free bytes for this user on the disk of a path that need not exist. */
export function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(existingParent(path));
  return bavail * bsize;
}
