import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { createObjects } from '../lib/storage/objects.ts';

const data = mkdtempSync(join(tmpdir(), 'fedcardio-local-'));
afterAll(() => rmSync(data, { recursive: true }));

it('serves until it is interrupted, then ends in order', async () => {
  const command = fileURLToPath(new URL('../bin/fedcardio.mjs', import.meta.url));
  const child = spawn(process.execPath, [command, 'local', '--port', '0', '--data', data, '--json']);
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const { endpoint } = JSON.parse(line.toString()) as { endpoint: string };
    await expect(createObjects({ endpoint }).head('no-such-bucket', 'key')).resolves.toBeUndefined();
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
  }
});
