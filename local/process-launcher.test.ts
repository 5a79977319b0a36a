import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { GpuTaskMessage } from '../lib/federation/schemas.ts';
import { gpuTaskMessage } from '../lib/federation/testing.ts';
import {
  createProcessLauncher,
  type LauncherEvent,
  type ProcessLauncher,
  type ProcessLauncherOptions,
} from './process-launcher.ts';

const CHILD = fileURLToPath(new URL('../test/fixtures/storage/task-child.mjs', import.meta.url));

/** The site's name tells the child process what to do. */
const task = (site: string, round = 1): GpuTaskMessage =>
  gpuTaskMessage({ federation: 'f', campaign: 'c', site, round });

/** A deadline that no test reaches. */
const LATER = new Date(Date.now() + 86_400_000);
const HOUR = 3_600_000;
const realSetTimeout = setTimeout;
/** Waits by the real clock, while timers are fake. */
async function until(isSo: () => boolean): Promise<void> {
  for (let waited = 0; !isSo(); waited += 10) {
    if (waited > 10_000) throw new Error('It did not become so.');
    await new Promise((resolve) => realSetTimeout(resolve, 10));
  }
}

let launcher: ProcessLauncher;
let events: LauncherEvent[];
let failures: { readonly site: string; readonly reason: string }[];
let directory: string;

function launch(options: Partial<ProcessLauncherOptions> = {}): ProcessLauncher {
  launcher = createProcessLauncher({
    maxGpuTasks: 2,
    command: [process.execPath, CHILD],
    env: { MARKER: join(directory, 'marker') },
    onEvent: (event) => events.push(event),
    onFailed: async ({ site }, reason) => {
      failures.push({ site, reason });
    },
    ...options,
  });
  return launcher;
}

const allDone = () => expect.poll(() => launcher.pending(), { timeout: 30_000 }).toBe(0);
const typed = <T extends LauncherEvent['type']>(type: T) =>
  events.filter((event): event is Extract<LauncherEvent, { type: T }> => event.type === type);

beforeEach(async () => {
  events = [];
  failures = [];
  directory = await mkdtemp(join(tmpdir(), 'fedcardio-launcher-'));
});
afterEach(async () => {
  await launcher.close();
  await rm(directory, { recursive: true });
});

describe('local launcher', () => {
  test('runs GPU tasks in order, at most maxGpuTasks at a time, in processes that it reuses', async () => {
    launch();

    for (let round = 1; round <= 6; round++) await launcher.submit(task('works', round), LATER);
    await allDone();

    let running = 0;
    let peak = 0;
    for (const event of events) {
      if (event.type === 'started') peak = Math.max(peak, ++running);
      if (event.type === 'done') running -= 1;
    }
    expect(peak).toBe(2);
    expect(typed('started').map((event) => event.message.round)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(new Set(typed('done').map((event) => event.result)).size).toBe(2);
    expect(typed('progress')[0]?.progress).toMatchObject({ done: 1, total: 2, loss: 0.5 });
    expect(typed('done')[0]?.seconds).toBeGreaterThan(0);
    if (process.platform === 'linux') expect(typed('done')[0]?.peakRss).toBeGreaterThan(10 * 2 ** 20);
  });

  test('starts a GPU task once while it runs, and again after it has ended', async () => {
    launch();
    await launcher.submit(task('works'), LATER);
    await launcher.submit(task('works'), LATER);
    await allDone();
    expect(typed('done')).toHaveLength(1);

    await launcher.submit(task('works'), LATER);
    await allDone();

    expect(typed('done')).toHaveLength(2);
  });

  test('replaces a dead process and retries its GPU task', async () => {
    launch();
    await launcher.submit(task('dies-once'), LATER);
    await allDone();

    expect(typed('retrying').map((event) => event.reason)).toEqual([expect.stringContaining('SIGKILL')]);
    expect(typed('done')[0]?.result).toBe('second life');
    expect(failures).toEqual([]);
  });

  test.each([
    ['dies', 'The process of the GPU task exited with code 3.', /last words/],
    ['fails', 'The GPU task failed: NO_DATA.', /There is nothing to learn from\./],
  ])('reports a GPU task that %s each time as failed and continues with the next', async (site, reason, details) => {
    launch({ maxGpuTasks: 1, retries: 1 });
    await launcher.submit(task(site), LATER);
    await launcher.submit(task('works'), LATER);
    await allDone();

    // The details may name a case, so they are in the site's own log only.
    expect(failures).toEqual([{ site, reason }]);
    expect(typed('failed').map((event) => event.reason)).toEqual([expect.stringMatching(details)]);
    expect(typed('retrying')).toHaveLength(1);
    expect(typed('done')).toHaveLength(1);
  });

  test('retries a GPU task that an outage ended without counting it, however it ended, and reports the outage', async () => {
    launch({ retries: 0 });
    await launcher.submit(task('loses-storage'), LATER);
    await allDone();

    expect(failures).toEqual([]);
    expect(typed('done').map(({ result }) => result)).toEqual(['storage is back']);
    expect(typed('retrying').map(({ reason }) => reason)).toEqual([
      expect.stringContaining('The disk is full.'),
      expect.stringContaining('exited with code 75'),
    ]);
    expect(typed('outage').map(({ outage }) => outage.code)).toEqual(['STORAGE_FULL', 'STORAGE_FULL', 'STORAGE_FULL']);
  }, 40_000);

  describe('at the deadline', () => {
    const inHours = (hours: number) => new Date(Date.now() + hours * HOUR);
    /** Submits a GPU task that never ends by itself, and waits until its process has it. */
    const start = async (deadline: Date) => {
      await launcher.submit(task('hangs'), deadline);
      await until(() => typed('progress').length === 1);
    };
    const LATE = { site: 'hangs', reason: 'The GPU task was ended at the deadline of its round.' };
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
    afterEach(() => void vi.useRealTimers());

    // A timer of Node ends after 25 days at most, and at once if it is set to more.
    test.each([0.5, 5, 24, 24 * 60])('ends a GPU task %d h after its start, not before and for good', async (hours) => {
      launch();
      await start(inHours(hours));

      await vi.advanceTimersByTimeAsync(hours * HOUR - 1000);
      expect(launcher.pending()).toBe(1);
      await vi.advanceTimersByTimeAsync(1000);
      await until(() => launcher.pending() === 0);

      expect(failures).toEqual([LATE]);
      expect(typed('retrying')).toEqual([]);
    });

    test('gives a GPU task a minute, as Batch does, if the deadline has passed', async () => {
      launch();
      await start(inHours(-1));

      await vi.advanceTimersByTimeAsync(59_000);
      expect(launcher.pending()).toBe(1);
      await vi.advanceTimersByTimeAsync(1000);
      await until(() => launcher.pending() === 0);

      expect(failures).toEqual([LATE]);
    });

    test('goes by the latest deadline that was submitted, because a pause extends it', async () => {
      launch();
      await start(inHours(2));
      await launcher.submit(task('hangs'), inHours(5));
      // The first message, which was delivered twice.
      await launcher.submit(task('hangs'), inHours(2));

      await vi.advanceTimersByTimeAsync(4.9 * HOUR);
      expect(launcher.pending()).toBe(1);
      await vi.advanceTimersByTimeAsync(0.1 * HOUR);
      await until(() => launcher.pending() === 0);

      expect(failures).toEqual([LATE]);
    });
  });

  test('reports a command that cannot be run', async () => {
    launch({ command: [join(directory, 'no-such-program')], retries: 0 });
    await launcher.submit(task('works'), LATER);
    await allDone();

    expect(failures).toEqual([{ site: 'works', reason: expect.stringContaining('ENOENT') }]);
  });

  test('divides the cores among the GPU tasks', async () => {
    launch({ maxGpuTasks: 1 });
    await launcher.submit(task('threads'), LATER);
    await allDone();

    expect(typed('done')[0]?.result).toBe(String(availableParallelism()));
  });

  test('drops running and waiting GPU tasks when closed, without failures', async () => {
    launch({ maxGpuTasks: 1 });
    await launcher.submit(task('hangs'), LATER);
    await launcher.submit(task('works'), LATER);

    await launcher.close();
    await allDone();

    expect(failures).toEqual([]);
    expect(events.filter((event) => event.type !== 'output')).toMatchObject([{ type: 'started' }]);
  });
});
