import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const clone = mkdtempSync(join(tmpdir(), 'fedcardio-clone-'));
afterAll(() => rmSync(clone, { recursive: true }));

/** npm of the user's configuration, without what an npm that runs the tests has set. */
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
const shell = process.platform === 'win32';

const run = (command: string, ...args: readonly string[]) =>
  promisify(execFile)(command, args, { cwd: ROOT, env, shell });

test('npm prints nothing of its own on standard output of a script, so that it can be JSON', async () => {
  const { stdout } = await run('npm', 'run', 'bench', '--', '--json');

  expect(JSON.parse(stdout)).toMatchObject({ schema: 'fedcardio.benchmarks/1' });
});

test('npx prints nothing of its own after a command that fails', async () => {
  const missing = run('npx', 'fedcardio', 'bench', 'no-such-benchmark', '--json');

  await expect(missing).rejects.toMatchObject({ code: 2, stdout: '' });
});

test('the command says how to install the packages of a fresh clone', async () => {
  for (const folder of ['bin', 'cli', 'lib']) cpSync(join(ROOT, folder), join(clone, folder), { recursive: true });
  mkdirSync(join(clone, 'scripts'));
  cpSync(join(ROOT, 'scripts', 'build-app.mjs'), join(clone, 'scripts', 'build-app.mjs'));
  const started = promisify(execFile)(process.execPath, [join(clone, 'bin', 'fedcardio.mjs'), 'demo']);

  await expect(started).rejects.toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^error: The package esbuild is not installed\. Run `npm run setup` in .*\n$/),
  });
});
