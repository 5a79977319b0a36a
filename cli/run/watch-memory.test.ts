import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { treeRss } from './watch-memory.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function procWith(processes: readonly (readonly [pid: number, command: string, parent: number, pages: number])[]) {
  const proc = mkdtempSync(join(tmpdir(), 'fedcardio-proc-'));
  folders.push(proc);
  for (const [pid, command, parent, pages] of processes) {
    mkdirSync(join(proc, String(pid)));
    const zeros = (count: number) => Array(count).fill(0).join(' ');
    writeFileSync(join(proc, String(pid), 'stat'), `${pid} (${command}) S ${parent} ${zeros(19)} ${pages} 0`);
  }
  return proc;
}

describe('treeRss', () => {
  test('sums a process and its descendants only', () => {
    const proc = procWith([
      [1, 'init', 0, 1000],
      [10, 'node', 1, 100],
      [11, 'node (task) x', 10, 20],
      [12, 'sh', 11, 3],
      [99, 'other', 1, 5000],
    ]);
    expect(treeRss(10, proc)).toBe(123 * 4096);
  });

  test('is undefined without /proc', () => {
    expect(treeRss(10, join(tmpdir(), 'fedcardio-no-such-folder'))).toBeUndefined();
  });

  test.runIf(process.platform === 'linux')('finds this process, with about the memory that Node reports', () => {
    expect(treeRss(process.pid)).toBeGreaterThan(process.memoryUsage.rss() / 2);
  });
});
