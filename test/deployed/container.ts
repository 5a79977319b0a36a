import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, symlinkSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Image, readImage } from './image.ts';

/** A container of one attempt of a job. */
export interface ContainerRun {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number | undefined;
  /** Sent when the container has written its first line. */
  readonly signal?: NodeJS.Signals | undefined;
}

export interface ContainerEnd {
  /** As a container's: 128 and the number of the signal that ended it. */
  readonly exitCode: number;
  readonly timedOut: boolean;
  readonly lines: readonly string[];
}

export type RunContainer = (run: ContainerRun) => Promise<ContainerEnd>;

/** From SIGTERM to SIGKILL (AWS Batch user guide, "Job timeouts"). */
const STOP_MS = 30_000;
const ADDON = new URL('../../node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node', import.meta.url);

/**
 * Runs what the image runs as a process of this machine: the bundle of `npm run build` in `folder`, with the image's
 * variables. Unlike a container it has this process's user and a writable file system (`npm run test:container` has not),
 * other paths, and WebAssembly on a machine without the native tensor addon.
 */
export function processContainers(folder: string): RunContainer {
  const image = readImage();
  // The bundle finds the tensor packages next to it, as in the image.
  symlinkSync(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(folder, 'node_modules'));
  const [program, ...args] = entrypointIn(folder, image);
  const backend = existsSync(ADDON) ? {} : { FEDCARDIO_BACKEND: 'wasm' };

  return async ({ command, environment, timeoutSeconds, signal }) => {
    const child = spawn(program as string, [...args, ...command], {
      cwd: tmpdir(),
      env: { ...image.environment, ...backend, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const lines: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        if (lines.push(line) === 1 && signal) child.kill(signal);
      });
    }
    let timedOut = false;
    const stop = () => {
      timedOut = true;
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), STOP_MS).unref();
    };
    const timer = timeoutSeconds === undefined ? undefined : setTimeout(stop, timeoutSeconds * 1000);
    const [code, ended] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    clearTimeout(timer);
    return { exitCode: code ?? 128 + (ended ? constants.signals[ended] : 0), timedOut, lines };
  };
}

/** The entry point with this machine's Node and the built bundle. */
const entrypointIn = (folder: string, { entrypoint }: Image): readonly string[] =>
  entrypoint.map((part) =>
    part === '/bin/node' ? process.execPath : part.replace(/^\/opt\/fedcardio\//, `${folder}/`),
  );
