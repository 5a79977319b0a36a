import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');

async function build(...words: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [join(ROOT, 'scripts', 'build-app.mjs'), ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  return `${code} ${said}`;
}

test('commands that start at the same time after a change all build the command, and all succeed', async () => {
  rmSync(join(ROOT, 'dist', 'app', 'built'), { force: true });

  const built = await Promise.all(Array.from({ length: 6 }, () => build()));

  expect(built).toEqual(Array.from({ length: 6 }, () => '0 '));
});

test('what is packed has nothing of an earlier build, and what runs meanwhile has its files', async () => {
  const stale = join(ROOT, 'dist', 'app', 'of-an-earlier-build.js');
  const program = join(ROOT, 'dist', 'app', 'cli-main.js');
  writeFileSync(stale, '');
  let wasGone = false;
  const watch = setInterval(() => {
    wasGone ||= !existsSync(program);
  }, 1);

  const built = await build('--packed');

  clearInterval(watch);
  expect([built, wasGone, existsSync(stale)]).toEqual(['0 ', false, false]);
});
