import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { filesOf, STATE, stopOrphans, writePidFile } from './pid-files.ts';

const home = process.cwd();
let directory: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fedcardio-pid-files-'));
  process.chdir(directory);
});
afterEach(async () => {
  process.chdir(home);
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(directory, { recursive: true });
});

/** A waiting process with a word on its command line. */
async function waiting(word: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1000)', word]);
  children.push(child);
  await once(child.stdout, 'data');
  return child;
}

test('stops an orphaned LocalStack, but not another program with a recorded pid', async () => {
  const orphan = await waiting('localstack.runtime.main');
  const other = await waiting('another-program');
  writePidFile(4001, orphan.pid as number);
  writePidFile(4002, other.pid as number);
  mkdirSync(filesOf(4001));
  const exited = once(orphan, 'exit');
  const lines: string[] = [];

  await stopOrphans((line) => lines.push(line));

  expect((await exited)[1]).toBe('SIGTERM');
  expect(lines).toEqual([`LocalStack: stopping process ${orphan.pid}, port 4001`]);
  expect([other.exitCode, other.signalCode]).toEqual([null, null]);
  expect(readdirSync(STATE)).toEqual([]);
});

test('does nothing without pid files', async () => {
  const lines: string[] = [];

  await stopOrphans((line) => lines.push(line));

  expect(lines).toEqual([]);
});
