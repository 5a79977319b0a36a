import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { NODE_WITH_TSX } from '../../cli/tsx.ts';
import type { ServedAt, ServedPage } from './page-process.ts';

const PROCESS = fileURLToPath(new URL('page-process.ts', import.meta.url));

export interface BenchPage extends ServedAt {
  /** Processor time of all its threads, seconds. */
  cpuSeconds(): Promise<number>;
  close(): Promise<void>;
}

/** Serves the page in a process of its own, which ends with this one. */
export async function startPage(served: ServedPage): Promise<BenchPage> {
  const child = fork(PROCESS, [JSON.stringify(served)], { execArgv: [...process.execArgv, ...NODE_WITH_TSX] });
  const exit = once(child, 'exit');
  const answer = async <T>(): Promise<T> => {
    const [message] = await Promise.race([
      once(child, 'message'),
      exit.then(([code]) => Promise.reject(new Error(`The page ended with ${code}.`))),
    ]);
    return message as T;
  };
  const at = await answer<ServedAt>();
  return {
    ...at,
    async cpuSeconds() {
      child.send('cpu');
      return (await answer<{ readonly cpuSeconds: number }>()).cpuSeconds;
    },
    async close() {
      if (child.connected) child.disconnect();
      await exit;
    },
  };
}
