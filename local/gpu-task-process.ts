import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { GpuTaskMessage } from '../lib/federation/schemas.ts';
import { peakRss } from '../lib/peak-rss.ts';

/** What a task reports on its way: steps done of all, and figures of its own. */
export interface GpuTaskProgress {
  readonly done: number;
  readonly total: number;
  readonly loss?: number;
}

/** What a child process says over IPC. It is sent `{ type: 'task', message }` and answers one task at a time. */
type Reply =
  | ({ readonly type: 'progress' } & GpuTaskProgress)
  | { readonly type: 'done'; readonly result: unknown }
  | { readonly type: 'failed'; readonly code: string; readonly message: string };

/** Why a task failed. What the task itself said may name cases, which do not leave their site: it is in the message alone. */
export class GpuTaskFailure extends Error {
  /** What may be told outside the site. */
  readonly summary: string;

  constructor(summary: string, ...details: readonly string[]) {
    super([summary, ...details].join('\n'));
    this.summary = summary;
  }
}

/** A child process that runs one task after the other and stays warm in between. */
export interface GpuTaskProcess {
  readonly alive: boolean;
  /**
   * Runs a task.
   *
   * @returns what the task answered
   * @throws GpuTaskFailure when the task failed, or when the process died of it; `alive` tells which
   */
  run(message: GpuTaskMessage, onProgress: (progress: GpuTaskProgress) => void): Promise<unknown>;
  /** Most memory that the process has held so far, bytes; 0 where the system does not say. */
  peakRss(): number;
  /** Asks it to end, and ends it after the grace time. */
  stop(graceSeconds: number): Promise<void>;
}

const LAST_LINES = 20;

/** Starts a process. Its output goes to `onOutput` line by line, and its last lines into the error when it dies. */
export function startGpuTaskProcess(
  command: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
  onOutput: (line: string) => void,
): GpuTaskProcess {
  const [program, ...args] = command;
  // In a group of its own: Ctrl-C is for the parent, which ends its tasks in order.
  const detached = process.platform !== 'win32';
  const child = spawn(program, args, { env, detached, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr] as readonly (Readable | null)[]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (line) => {
      if (lines.push(line) > LAST_LINES) lines.shift();
      onOutput(line);
    });
  }
  const state = { alive: true, reject: undefined as ((error: Error) => void) | undefined };
  const ended = new Promise<void>((resolve) => {
    const end = (why: string) => {
      state.alive = false;
      state.reject?.(new GpuTaskFailure(`The task's process ${why}.`, ...lines));
      resolve();
    };
    child.once('error', (error) => end(`could not be run: ${error.message}`));
    child.once('close', (code, signal) => end(signal ? `was ended by ${signal}` : `exited with code ${code}`));
  });
  let peak = 0;

  return {
    get alive() {
      return state.alive;
    },
    run(message, onProgress) {
      return new Promise((resolve, reject) => {
        const settle = (finish: () => void) => {
          child.off('message', hear);
          state.reject = undefined;
          finish();
        };
        const hear = (reply: Reply) => {
          if (reply.type === 'progress') onProgress(reply);
          if (reply.type === 'done') settle(() => resolve(reply.result));
          if (reply.type === 'failed')
            settle(() => reject(new GpuTaskFailure(`The task failed: ${reply.code}.`, reply.message)));
        };
        state.reject = (error) => settle(() => reject(error));
        child.on('message', hear);
        child.send({ type: 'task', message }, (error) => {
          // A process that has just died says so by itself, with its last words.
          if (error && state.alive && child.connected) state.reject?.(error);
        });
      });
    },
    peakRss() {
      peak = Math.max(peak, child.pid === undefined ? 0 : peakRss(child.pid));
      return peak;
    },
    async stop(graceSeconds) {
      if (!state.alive) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), graceSeconds * 1000);
      await ended;
      clearTimeout(timer);
    },
  };
}
