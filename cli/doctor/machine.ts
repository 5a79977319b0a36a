import { execFile } from 'node:child_process';
import { homedir, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DISK_NEED } from '../demo/preflight.ts';
import { existingParent, freeBytes } from '../disk.ts';
import { type BackendProbe, probeBackend } from './backend.ts';
import { attempt, type Finding, failed, ok, skipped, warning } from './finding.ts';

/** The oldest Node that runs fedcardio, as package.json says. */
const OLDEST_NODE = [20, 19] as const;
/** Peak memory of the demo's process tree, docs/results/demo.md, and of a full-size CT, docs/reliability.md: bytes. */
const MEMORY_NEED = 4e9;

export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isNew = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  return isNew
    ? ok('Node', version)
    : failed('Node', version, `Install Node ${OLDEST_NODE.join('.')} or newer from https://nodejs.org.`);
}

export const checkMemory = (bytes: number): Finding =>
  bytes >= MEMORY_NEED
    ? ok('memory', `${gigabytes(bytes)} in all`)
    : warning(
        'memory',
        `${gigabytes(bytes)} in all`,
        `Full-size CTs take up to ${gigabytes(MEMORY_NEED)}. Run one GPU task at a time (--tasks 1).`,
      );

/** @param need bytes that a run may take there */
export const checkDisk = (what: string, path: string, free: number, need: number): Finding =>
  free >= need
    ? ok(what, `${gigabytes(free)} free at ${path}`)
    : failed(
        what,
        `${gigabytes(free)} free at ${path}, less than ${gigabytes(need)}`,
        'Free some space there, or choose another disk.',
      );

/** @param names GPUs that the driver lists; undefined without a driver */
export function checkGpu(names: readonly string[] | undefined, backend: BackendProbe | undefined): Finding {
  if (!names || names.length === 0)
    return skipped('GPU', 'none found (nvidia-smi does not list one); training runs on the CPU');
  const list = names.join(', ');
  return backend?.device === 'gpu'
    ? ok('GPU', `${list}, used by the tensor backend`)
    : warning(
        'GPU',
        `${list}, but the tensor backend does not use it`,
        'Run `FEDCARDIO_TENSORFLOW=tensorflow npm run setup`, and see docs/container.md.',
      );
}

/** Milliseconds of a step below which a backend is as fast as it should be: ten times of what two cores took. */
const SLOW_STEP_MS = 1_500;

export function checkBackend({ name, description, milliseconds }: BackendProbe): Finding {
  const found = `${description}; a training step takes ${Math.round(milliseconds)} ms`;
  if (name === 'wasm') {
    return warning('tensor backend', found, 'Run `npm run setup` and read why there is no native addon.');
  }
  return milliseconds <= SLOW_STEP_MS
    ? ok('tensor backend', found)
    : warning('tensor backend', found, 'End other programs that compute, or give this machine more cores.');
}

/** Everything about this machine. Starts a process that takes about five seconds. */
export async function checkMachine(folders: { readonly data: string }): Promise<readonly Finding[]> {
  const cache =
    process.env.FEDCARDIO_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'fedcardio');
  let probe: BackendProbe | undefined;
  const backend = await attempt('tensor backend', async () => {
    probe = await probeBackend();
    return checkBackend(probe);
  });
  const disk = (what: string, path: string, need: number) =>
    attempt(what, async () => checkDisk(what, existingParent(path), freeBytes(path), need));
  return [
    checkNode(process.versions.node),
    backend,
    checkGpu(await gpuNames(), probe),
    checkMemory(totalmem()),
    await disk('disk of data', folders.data, DISK_NEED.full),
    // Only a new installation writes there.
    await disk('disk of cache', cache, 0),
  ];
}

/** GPUs of NVIDIA's driver. */
async function gpuNames(): Promise<readonly string[] | undefined> {
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', ['--query-gpu=name', '--format=csv,noheader'], {
      timeout: 10_000,
    });
    return stdout.split('\n').filter((line) => line.trim() !== '');
  } catch {
    return undefined;
  }
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
