import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execute } from './execute.ts';
import type { Say } from './launch.ts';

/** Directory of host mode: LocalStack's files, its log and pid files. */
export const STATE = '.fedcardio/localstack';
const PID_FILE = /^(\d+)\.pid$/;
const GRACE_SECONDS = 10;

const pidFile = (port: number): string => join(STATE, `${port}.pid`);
/** LocalStack's own files, which are removed when it ends. */
export const filesOf = (port: number): string => join(STATE, `files-${port}`);

/** Records the process that serves a port, so that it can be stopped after its parent has gone. */
export function writePidFile(port: number, pid: number): void {
  mkdirSync(STATE, { recursive: true });
  writeFileSync(pidFile(port), `${pid}\n`);
}

/** Removes the record and the files of a process that has ended. */
export function removePidFile(port: number): void {
  rmSync(pidFile(port), { force: true });
  rmSync(filesOf(port), { recursive: true, force: true });
}

/** Stops every process that was started from this folder and still runs. */
export async function stopOrphans(say: Say): Promise<void> {
  for (const [port, pid] of recorded()) {
    if (await isLocalStack(pid)) {
      say(`LocalStack: stopping process ${pid}, port ${port}`);
      await endProcess(pid);
    }
    removePidFile(port);
  }
}

function recorded(): readonly (readonly [port: number, pid: number])[] {
  try {
    return readdirSync(STATE).flatMap((name) => {
      const port = PID_FILE.exec(name)?.[1];
      return port === undefined ? [] : [[Number(port), Number(readFileSync(join(STATE, name), 'utf8'))] as const];
    });
  } catch {
    return [];
  }
}

/** Checked because another program may have the pid by now. */
async function isLocalStack(pid: number): Promise<boolean> {
  const command = await execute('ps', ['-o', 'args=', '-p', String(pid)], {}).catch(() => '');
  return command.includes('localstack.runtime.main');
}

async function endProcess(pid: number): Promise<void> {
  process.kill(pid, 'SIGTERM');
  for (let tenths = 0; tenths < GRACE_SECONDS * 10; tenths++) {
    if (!(await isLocalStack(pid))) return;
    await sleep(100);
  }
  process.kill(pid, 'SIGKILL');
}
