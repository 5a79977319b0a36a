import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { describeError, isOutage } from '../lib/error.ts';
import { EXIT } from '../lib/federation/exit-codes.ts';
import type { GpuTaskMessage } from '../lib/federation/schemas.ts';
import { peakRss } from '../lib/peak-rss.ts';
import type { OutageEvent } from '../lib/storage/outages.ts';

/** Progress of a GPU task in steps. */
export interface GpuTaskProgress {
  readonly done: number;
  readonly total: number;
  readonly loss?: number;
}

/** A child process's reply over IPC to `{ type: 'task', message }`. It runs one GPU task at a time. */
type Reply =
  | ({ readonly type: 'progress' } & GpuTaskProgress)
  | { readonly type: 'outage'; readonly outage: OutageEvent }
  | { readonly type: 'done'; readonly result: unknown }
  | { readonly type: 'failed'; readonly code: string; readonly message: string; readonly isOutage?: boolean };

/** The failure of a GPU task. Its message may name cases and must not leave the site; its summary names none. */
export class GpuTaskFailure extends Error {
  /** Reason that may leave the site. */
  readonly summary: string;
  /** Whether the storage or the disk was away or full, which says nothing about the GPU task. */
  readonly isOutage: boolean;

  constructor(summary: string, details: readonly string[], isOutage: boolean) {
    super([summary, ...details].join('\n'));
    this.summary = summary;
    this.isOutage = isOutage;
  }
}

/** Told of a GPU task while it runs. */
interface GpuTaskListener {
  readonly onProgress: (progress: GpuTaskProgress) => void;
  /** The GPU task waits for its storage, or has waited. */
  readonly onOutage: (event: OutageEvent) => void;
}

/** A child process that runs one GPU task after the other. */
export interface GpuTaskProcess {
  readonly alive: boolean;
  /**
   * Runs a GPU task.
   *
   * @returns the result of the GPU task
   * @throws GpuTaskFailure if the GPU task failed or its process ended; `alive` tells which
   */
  run(message: GpuTaskMessage, listener: GpuTaskListener): Promise<unknown>;
  /** Peak resident memory of the process so far, bytes; 0 if unknown. */
  peakRss(): number;
  /** Sends SIGTERM, and SIGKILL after the grace period. */
  stop(graceSeconds: number): Promise<void>;
}

const LAST_LINES = 20;

/** Starts a process. `onOutput` receives its output line by line; the failure of a dead process holds the last lines. */
export function startGpuTaskProcess(
  command: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
  onOutput: (line: string) => void,
): GpuTaskProcess {
  const [program, ...args] = command;
  // In its own process group, because on Ctrl-C the parent ends its GPU tasks in order.
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
    const end = (why: string, isOutage: boolean) => {
      state.alive = false;
      state.reject?.(new GpuTaskFailure(`The process of the GPU task ${why}`, lines, isOutage));
      resolve();
    };
    child.once('error', (error) => end(`could not be started: ${describeError(error)}`, isOutage(error)));
    child.once('close', (code, signal) =>
      end(signal ? `was ended by ${signal}.` : `exited with code ${code}.`, code === EXIT.outage),
    );
  });
  let peak = 0;

  return {
    get alive() {
      return state.alive;
    },
    run(message, { onProgress, onOutage }) {
      return new Promise((resolve, reject) => {
        const finishWith = (finish: () => void) => {
          child.off('message', onReply);
          state.reject = undefined;
          finish();
        };
        const onReply = (reply: Reply) => {
          if (reply.type === 'progress') onProgress(reply);
          if (reply.type === 'outage') onOutage(reply.outage);
          if (reply.type === 'done') finishWith(() => resolve(reply.result));
          if (reply.type === 'failed') {
            const { code, message, isOutage = false } = reply;
            finishWith(() => reject(new GpuTaskFailure(`The GPU task failed: ${code}.`, [message], isOutage)));
          }
        };
        state.reject = (error) => finishWith(() => reject(error));
        child.on('message', onReply);
        child.send({ type: 'task', message }, (error) => {
          // A process that has just died is reported by its own events, with its last output.
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
