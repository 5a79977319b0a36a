import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What this process holds. */
export interface Resources {
  readonly rssMB: number;
  /** After a collection. */
  readonly heapMB: number;
  /** Of buffers, after a collection. */
  readonly buffersMB: number;
  /** Open files and sockets; 0 where the system does not tell. */
  readonly descriptors: number;
  /** Timers, sockets and other handles that keep the process alive. */
  readonly handles: number;
  readonly diskMB: number;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

export function resources(directory: string): Resources {
  collectGarbage();
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    rssMB: Math.round(rss / 1e6),
    heapMB: Math.round(heapUsed / 1e5) / 10,
    buffersMB: Math.round(external / 1e5) / 10,
    descriptors: descriptors(),
    handles: process.getActiveResourcesInfo().length,
    diskMB: Math.round(bytesBelow(directory) / 1e5) / 10,
  };
}

function descriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}

function bytesBelow(directory: string): number {
  let bytes = 0;
  for (const name of readdirSync(directory, { recursive: true })) {
    // A file may go in the meantime.
    const found = statSync(join(directory, String(name)), { throwIfNoEntry: false });
    if (found?.isFile()) bytes += found.size;
  }
  return bytes;
}
