import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');

async function build(): Promise<string> {
  const child = spawn(process.execPath, [join(ROOT, 'scripts', 'build-app.mjs')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  return `${code} ${said}`;
}

test('commands that start at the same time after a change all build the command, and all succeed', async () => {
  rmSync(join(ROOT, 'dist', 'app', 'built'), { force: true });

  const built = await Promise.all(Array.from({ length: 6 }, build));

  expect(built).toEqual(Array.from({ length: 6 }, () => '0 '));
});
