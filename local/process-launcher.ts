import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GpuTaskLauncher } from '../handlers/context.ts';
import { describeError } from '../lib/error.ts';
import type { GpuTaskMessage } from '../lib/federation/schemas.ts';
import { programProcess } from '../lib/program.ts';
import type { OutageEvent } from '../lib/storage/outages.ts';
import { attemptSeconds, secondsUntil } from '../lib/storage/time-limit.ts';
import { callAt } from './call-at.ts';
import { GpuTaskFailure, type GpuTaskProcess, type GpuTaskProgress, startGpuTaskProcess } from './gpu-task-process.ts';

export type LauncherEvent =
  | { readonly type: 'started'; readonly message: GpuTaskMessage; readonly attempt: number }
  | { readonly type: 'progress'; readonly message: GpuTaskMessage; readonly progress: GpuTaskProgress }
  | {
      readonly type: 'done';
      readonly message: GpuTaskMessage;
      readonly result: unknown;
      readonly seconds: number;
      /** Peak resident memory of the process so far, bytes. */
      readonly peakRss: number;
    }
  | { readonly type: 'outage'; readonly message: GpuTaskMessage; readonly outage: OutageEvent }
  | { readonly type: 'retrying'; readonly message: GpuTaskMessage; readonly reason: string }
  | { readonly type: 'failed'; readonly message: GpuTaskMessage; readonly reason: string }
  | { readonly type: 'output'; readonly line: string };

export interface ProcessLauncherOptions {
  /** Most processes at a time. */
  readonly maxGpuTasks: number;
  /** Command of a process; this project's GPU task by default. */
  readonly command?: readonly [string, ...string[]];
  /** Added to the environment of this process. */
  readonly env: Readonly<Record<string, string>>;
  readonly onEvent?: (event: LauncherEvent) => void;
  /**
   * Records the final failure of a GPU task, so that its round does not wait for it. The reason names no case. Must wait
   * out an outage of the storage.
   */
  readonly onFailed: (message: GpuTaskMessage, reason: string) => Promise<void>;
  /** Most retries after a failure. A GPU task that an outage ends is retried without limit. */
  readonly retries?: number;
  /** Time for a process to checkpoint and end after SIGTERM. As on AWS by default. */
  readonly graceSeconds?: number;
}

export interface ProcessLauncher extends GpuTaskLauncher {
  /**
   * A GPU task that still runs at its deadline is ended and has failed, as on AWS. An outage does not extend it: a round
   * ends at its deadline. Submitted again with a later deadline, it goes by that one.
   */
  submit(message: GpuTaskMessage, deadline: Date): Promise<void>;
  /** Number of waiting and running GPU tasks. */
  pending(): number;
  /** Ends all processes. Drops waiting and running GPU tasks without a failure; the sweep starts them again. */
  close(): Promise<void>;
}

const RETRY_AFTER_SECONDS = 1;
const RETRY_AFTER_OUTAGE_SECONDS = 5;

/**
 * Runs GPU tasks in child processes, in the order of their submission, at most `maxGpuTasks` at a time. A GPU task that
 * waits or runs is not started again; one that failed is retried from its checkpoint, until its deadline. Processes are reused.
 */
export function createProcessLauncher(options: ProcessLauncherOptions): ProcessLauncher {
  const { maxGpuTasks, onFailed, onEvent = () => undefined, retries = 2, graceSeconds = 30 } = options;
  const command = options.command ?? gpuTaskCommand();
  const threads = Math.max(1, Math.floor(availableParallelism() / maxGpuTasks));
  const env = { ...process.env, TF_NUM_INTRAOP_THREADS: String(threads), ...options.env };

  const waiting: GpuTaskMessage[] = [];
  /** Deadlines of waiting and running GPU tasks, by job name. */
  const deadlines = new Map<string, Date>();
  const processes = new Set<GpuTaskProcess>();
  const free: GpuTaskProcess[] = [];
  const closing = new AbortController();
  let running = 0;

  function takeProcess(): GpuTaskProcess {
    for (const process of [...processes]) if (!process.alive) processes.delete(process);
    const warm = free.splice(0).filter((process) => process.alive);
    const process = warm.pop() ?? startGpuTaskProcess(command, env, (line) => onEvent({ type: 'output', line }));
    free.push(...warm);
    processes.add(process);
    return process;
  }

  async function attempt(message: GpuTaskMessage): Promise<void> {
    const process = takeProcess();
    const started = performance.now();
    const startedAt = new Date();
    const end = () => {
      const deadline = deadlines.get(jobName(message)) ?? startedAt;
      return startedAt.getTime() + attemptSeconds(secondsUntil(deadline, startedAt)) * 1000;
    };
    let isLate = false;
    const cancel = callAt(end, () => {
      isLate = true;
      void process.stop(graceSeconds);
    });
    try {
      const result = await process.run(message, {
        onProgress: (progress) => onEvent({ type: 'progress', message, progress }),
        onOutage: (outage) => onEvent({ type: 'outage', message, outage }),
      });
      const seconds = (performance.now() - started) / 1000;
      onEvent({ type: 'done', message, result, seconds, peakRss: process.peakRss() });
    } catch (error) {
      throw isLate ? new LateFailure(describeError(error)) : error;
    } finally {
      cancel();
      if (process.alive) free.push(process);
    }
  }

  async function runWithRetries(message: GpuTaskMessage): Promise<void> {
    let failures = 0;
    for (let number = 1; !closing.signal.aborted; number++) {
      onEvent({ type: 'started', message, attempt: number });
      try {
        return await attempt(message);
      } catch (error) {
        if (closing.signal.aborted) return;
        const reason = describeError(error);
        const isOutage = error instanceof GpuTaskFailure && error.isOutage;
        const isFinal = error instanceof LateFailure || (!isOutage && ++failures > retries);
        if (isFinal) {
          onEvent({ type: 'failed', message, reason });
          return await onFailed(
            message,
            error instanceof GpuTaskFailure ? error.summary : 'The GPU task could not be run.',
          );
        }
        onEvent({ type: 'retrying', message, reason });
        const seconds = isOutage ? RETRY_AFTER_OUTAGE_SECONDS : RETRY_AFTER_SECONDS;
        await sleep(seconds * 1000, undefined, closing).catch(() => undefined);
      }
    }
  }

  function startWaiting(): void {
    while (running < maxGpuTasks && waiting.length > 0 && !closing.signal.aborted) {
      const message = waiting.shift() as GpuTaskMessage;
      running += 1;
      runWithRetries(message)
        .catch((error) => {
          if (!closing.signal.aborted) onEvent({ type: 'failed', message, reason: describeError(error) });
        })
        .finally(() => {
          running -= 1;
          deadlines.delete(jobName(message));
          startWaiting();
        });
    }
  }

  return {
    async submit(message, deadline) {
      const name = jobName(message);
      const known = deadlines.get(name);
      // A message that is delivered twice has the deadline before a pause.
      if (!known || known < deadline) deadlines.set(name, deadline);
      if (known) return;
      waiting.push(message);
      startWaiting();
    },
    pending: () => deadlines.size,
    async close() {
      closing.abort();
      for (const message of waiting.splice(0)) deadlines.delete(jobName(message));
      await Promise.all([...processes].map((process) => process.stop(graceSeconds)));
    },
  };
}

/** A GPU task that was ended at its deadline. */
class LateFailure extends GpuTaskFailure {
  constructor(details: string) {
    super('The GPU task was ended at the deadline of its round.', [details], false);
  }
}

/** Two messages with the same name ask for the same work. */
const jobName = ({ federation, campaign, stage, round, site }: GpuTaskMessage): string =>
  [federation, campaign, stage, round, site].join('/');

/** Runs this program's GPU task. */
function gpuTaskCommand(): readonly [string, ...string[]] {
  const { file, execArgv } = programProcess('gpu-tasks/main.ts');
  return [process.execPath, ...execArgv, file];
}
