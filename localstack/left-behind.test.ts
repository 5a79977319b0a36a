import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { filesOf, rememberProcess, STATE, stopLeftBehind } from './left-behind.ts';

const home = process.cwd();
let directory: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fedcardio-left-behind-'));
  process.chdir(directory);
});
afterEach(async () => {
  process.chdir(home);
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(directory, { recursive: true });
});

/** A process that waits, with a word on its command line. */
async function waiting(word: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1000)', word]);
  children.push(child);
  await once(child.stdout, 'data');
  return child;
}

test('stops a LocalStack that was left behind, and no program that has its number by now', async () => {
  const left = await waiting('localstack.runtime.main');
  const other = await waiting('somebody-else');
  rememberProcess(4001, left.pid as number);
  rememberProcess(4002, other.pid as number);
  mkdirSync(filesOf(4001));
  const exited = once(left, 'exit');
  const said: string[] = [];

  await stopLeftBehind((line) => said.push(line));

  expect((await exited)[1]).toBe('SIGTERM');
  expect(said).toEqual([`LocalStack: stopping process ${left.pid}, port 4001`]);
  expect([other.exitCode, other.signalCode]).toEqual([null, null]);
  expect(readdirSync(STATE)).toEqual([]);
});

test('does nothing where nothing was left', async () => {
  const said: string[] = [];

  await stopLeftBehind((line) => said.push(line));

  expect(said).toEqual([]);
});
