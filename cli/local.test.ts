import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { createObjectStorage } from '../lib/aws/objects.ts';
import { runCommand } from './testing.ts';

const COMMAND = fileURLToPath(new URL('../bin/fedcardio.mjs', import.meta.url));
const data = mkdtempSync(join(tmpdir(), 'fedcardio-local-'));
afterAll(() => rmSync(data, { recursive: true }));

test('reads faults from a file and reports an invalid one', async () => {
  const file = join(data, 'faults.json');
  writeFileSync(file, JSON.stringify({ rules: [{ fault: 'slow-down' }] }));
  const child = spawn(process.execPath, [COMMAND, 'local', '--port', '0', '--data', data, '--json', '--faults', file]);
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const { endpoint } = JSON.parse(line.toString()) as { endpoint: string };
    expect((await fetch(`${endpoint}/bucket/key`)).status).toBe(503);
  } finally {
    child.kill('SIGINT');
    await once(child, 'exit');
  }

  writeFileSync(file, JSON.stringify({ rules: [{ fault: 'slow-up' }] }));
  expect(await runCommand(['local', '--port', '0', '--data', data, '--faults', file])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('rules[0].fault'),
  });
  expect(await runCommand(['local', '--faults', join(data, 'missing')])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`at ${join(data, 'missing')} (ENOENT). Check the spelling.`),
  });
  expect(await runCommand(['local', '--faults', data])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`A file is needed, but there is a folder at ${data} (EISDIR).`),
  });
});

test('serves until it is interrupted, then ends cleanly', async () => {
  const child = spawn(process.execPath, [COMMAND, 'local', '--port', '0', '--data', data, '--json']);
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const { endpoint } = JSON.parse(line.toString()) as { endpoint: string };
    await expect(createObjectStorage({ endpoint })('no-such-bucket').head('key')).resolves.toBeUndefined();
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
  }
});
