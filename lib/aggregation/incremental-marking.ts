import { setFlagsFromString } from 'node:v8';

let running = 0;

/**
 * Runs work that reads gigabytes with V8's incremental marking switched off in the whole process. Sockets deliver data in
 * buffers of 64 kB, which V8 counts as heap growth: during a merge of 2 GB it marks an unchanged heap of 16 MB about
 * seventy times, on all cores. That is a third of the merge's CPU time (docs/decisions/014). Without incremental marking
 * the heap is still collected, in a few short pauses.
 */
export async function withoutIncrementalMarking<T>(work: () => Promise<T>): Promise<T> {
  if (running++ === 0) setFlagsFromString('--no-incremental-marking');
  try {
    return await work();
  } finally {
    if (--running === 0) setFlagsFromString('--incremental-marking');
  }
}
