import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { runInProcess } from '../processes/run-in-process.ts';
import type { Task, TaskFigures } from './task.ts';

const COMMAND = fileURLToPath(new URL('../../bin/fedcardio.mjs', import.meta.url));
const TASK = fileURLToPath(new URL('task.ts', import.meta.url));

/** The embedded server in a process of its own, with a directory that goes with it. */
export async function startServer() {
  const dataDir = await mkdtemp(join(tmpdir(), 'fedcardio-bench-'));
  const server = spawn(process.execPath, [COMMAND, 'local', '--port', '0', '--data', dataDir, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface(server.stdout), 'line');
  return {
    endpoint: JSON.parse(line).endpoint as string,
    stop: async () => {
      server.kill('SIGINT');
      await once(server, 'exit');
      await rm(dataDir, { recursive: true });
    },
  };
}

/** Runs a task in a process of its own, so that its memory is its own. */
export const runTask = (task: Task): Promise<TaskFigures> => runInProcess(TASK, task);
