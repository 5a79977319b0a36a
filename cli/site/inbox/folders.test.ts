import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stateOf } from './folders.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fedcardio-folders-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function put(name: string, text: string, changed?: Date): void {
  mkdirSync(dirname(join(dir, name)), { recursive: true });
  writeFileSync(join(dir, name), text);
  if (changed) utimesSync(join(dir, name), changed, changed);
}

const [OLD, OLDER] = [new Date(2020, 1, 2), new Date(2020, 1, 1)];

test.each([
  ['the same size and an older time', () => put('study/1.dcm', 'cccc', OLDER)],
  ['the same size and the same time', () => put('study/1.dcm', 'cccc', OLD)],
  ['another name', () => renameSync(join(dir, 'study/1.dcm'), join(dir, 'study/3.dcm'))],
])('the state of a folder tells that a file was replaced by one with %s', async (_what, replace) => {
  put('study/1.dcm', 'aaaa', OLD);
  put('study/2.dcm', 'bbbb');
  const before = await stateOf(dir, ['study']);
  const again = await stateOf(dir, ['study']);

  replace();

  expect(again).toBe(before);
  expect(await stateOf(dir, ['study'])).not.toBe(before);
});
