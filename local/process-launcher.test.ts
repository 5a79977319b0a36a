import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
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

    for (let round = 1; round <= 6; round++) await launcher.submit(task('works', round));
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
    await launcher.submit(task('works'));
    await launcher.submit(task('works'));
    await allDone();
    expect(typed('done')).toHaveLength(1);

    await launcher.submit(task('works'));
    await allDone();

    expect(typed('done')).toHaveLength(2);
  });

  test('replaces a dead process and retries its GPU task', async () => {
    launch();
    await launcher.submit(task('dies-once'));
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
    await launcher.submit(task(site));
    await launcher.submit(task('works'));
    await allDone();

    // The details may name a case, so they are in the site's own log only.
    expect(failures).toEqual([{ site, reason }]);
    expect(typed('failed').map((event) => event.reason)).toEqual([expect.stringMatching(details)]);
    expect(typed('retrying')).toHaveLength(1);
    expect(typed('done')).toHaveLength(1);
  });

  test('retries a GPU task that an outage ended without counting it, however it ended, and reports the outage', async () => {
    launch({ retries: 0 });
    await launcher.submit(task('loses-storage'));
    await allDone();

    expect(failures).toEqual([]);
    expect(typed('done').map(({ result }) => result)).toEqual(['storage is back']);
    expect(typed('retrying').map(({ reason }) => reason)).toEqual([
      expect.stringContaining('The disk is full.'),
      expect.stringContaining('exited with code 75'),
    ]);
    expect(typed('outage').map(({ outage }) => outage.code)).toEqual(['STORAGE_FULL', 'STORAGE_FULL', 'STORAGE_FULL']);
  }, 40_000);

  test('ends a GPU task that takes too long', async () => {
    launch({ retries: 0, timeoutSeconds: 0.3 });
    await launcher.submit(task('hangs'));
    await allDone();

    expect(failures).toEqual([{ site: 'hangs', reason: expect.stringContaining('SIGTERM') }]);
  });

  test('reports a command that cannot be run', async () => {
    launch({ command: [join(directory, 'no-such-program')], retries: 0 });
    await launcher.submit(task('works'));
    await allDone();

    expect(failures).toEqual([{ site: 'works', reason: expect.stringContaining('ENOENT') }]);
  });

  test('divides the cores among the GPU tasks', async () => {
    launch({ maxGpuTasks: 1 });
    await launcher.submit(task('threads'));
    await allDone();

    expect(typed('done')[0]?.result).toBe(String(availableParallelism()));
  });

  test('drops running and waiting GPU tasks when closed, without failures', async () => {
    launch({ maxGpuTasks: 1 });
    await launcher.submit(task('hangs'));
    await launcher.submit(task('works'));

    await launcher.close();
    await allDone();

    expect(failures).toEqual([]);
    expect(events.filter((event) => event.type !== 'output')).toMatchObject([{ type: 'started' }]);
  });
});
