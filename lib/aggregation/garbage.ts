import { setFlagsFromString } from 'node:v8';

let running = 0;

/**
 * Runs work that reads gigabytes with V8's incremental marking switched off, in all of the process. What a socket brings
 * comes in pieces of 64 kB, and V8 takes them for growth of its heap: of the 2 GB of a large merge it would mark that
 * heap, of 16 MB in which nothing has changed, about seventy times, and on all cores. That is a third of the processor
 * time of the merge (docs/decisions/014). Without it the heap is collected all the same, in a few short pauses.
 */
export async function withoutMarking<T>(work: () => Promise<T>): Promise<T> {
  if (running++ === 0) setFlagsFromString('--no-incremental-marking');
  try {
    return await work();
  } finally {
    if (--running === 0) setFlagsFromString('--incremental-marking');
  }
}
