import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { PRELOAD } from './build.ts';
import type { Report, Request } from './processes/report.ts';

/** A process of the campaign, which may die at any moment. */
export interface Child {
  readonly pid: number;
  /** Resolves with its endpoint; rejects if it ends before. */
  readonly ready: Promise<string>;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  signal(signal: NodeJS.Signals): void;
  ask(request: Request): void;
  /** Asks it to end, and kills it if it does not. Returns whether it ended by itself with code 0. */
  stop(graceMs: number): Promise<boolean>;
}

export function startChild(
  file: string,
  env: Readonly<Record<string, string>>,
  listener: { readonly onReport: (report: Report) => void; readonly onOutput: (line: string) => void },
): Child {
  const child: ChildProcess = fork(file, [], {
    execArgv: ['--import', PRELOAD],
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', listener.onOutput);
  }
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('error', () => resolve({ code: null, signal: 'error' }));
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const ready = new Promise<string>((resolve, reject) => {
    child.on('message', (message: Report) => {
      if (message.type === 'ready') resolve(message.endpoint);
      listener.onReport(message);
    });
    exited.then(({ code, signal }) => reject(new Error(`The process ended early: ${signal ?? code}.`)));
  });
  // Whoever waits for it sees the error; nobody has to.
  ready.catch(() => undefined);
  const signal = (name: NodeJS.Signals) => {
    child.kill(name);
  };
  return {
    pid: child.pid as number,
    ready,
    exited,
    signal,
    ask: (request) => child.connected && child.send(request, () => undefined),
    async stop(graceMs) {
      if (child.connected) child.send({ type: 'stop' } satisfies Request, () => undefined);
      const timer = setTimeout(() => signal('SIGKILL'), graceMs);
      const { code } = await exited;
      clearTimeout(timer);
      return code === 0;
    },
  };
}

/** Waits until `find` finds something. */
export async function until<T>(
  what: string,
  ms: number,
  find: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const found = await find();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`${what}: not within ${Math.round(ms / 1000)} s.`);
    await sleep(100);
  }
}
