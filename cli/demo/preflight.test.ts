import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { existingParent, freeBytes } from '../disk.ts';
import { runCommand } from '../testing.ts';
import { checkBeforeRun, DISK_NEED } from './preflight.ts';

const root = mkdtempSync(join(tmpdir(), 'fedcardio-preflight-'));
afterAll(() => rmSync(root, { recursive: true }));
const file = join(root, 'file');
writeFileSync(file, '');
const needs = {
  out: join(root, 'out'),
  data: join(root, 'data'),
  endpoint: undefined,
  port: 0,
  profile: 'quick',
  resume: false,
} as const;

describe('checkBeforeRun', () => {
  test('accepts folders that do not exist yet', async () => {
    await expect(checkBeforeRun(needs)).resolves.toBeUndefined();
  });

  test.each(['out', 'data'] as const)('refuses a file as --%s', async (option) => {
    await expect(checkBeforeRun({ ...needs, [option]: join(file, 'below') })).rejects.toMatchObject({
      code: 'BAD_CONFIGURATION',
      message: expect.stringContaining(`--${option}`),
    });
  });

  test.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
    'refuses a folder without permission',
    async () => {
      await expect(checkBeforeRun({ ...needs, out: '/usr/fedcardio-out' })).rejects.toMatchObject({
        message: expect.stringContaining('EACCES'),
      });
    },
  );

  test('refuses a used port', async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    try {
      await expect(checkBeforeRun({ ...needs, port })).rejects.toThrow(`Port ${port} cannot be used`);
    } finally {
      server.close();
    }
    await expect(checkBeforeRun({ ...needs, port })).resolves.toBeUndefined();
  });

  test('measures the disk of the nearest folder that exists', () => {
    expect(existingParent(join(root, 'a', 'b'))).toBe(root);
    expect(freeBytes(join(root, 'a', 'b'))).toBeGreaterThan(0);
    expect(DISK_NEED.full).toBeGreaterThan(DISK_NEED.quick);
  });
});

test('the demo ends before any work, and leaves an earlier demo, if --out cannot be written', async () => {
  const { code, stderr } = await runCommand(['demo', '--quick', '--out', join(file, 'out'), '--data', join(root, 'd')]);

  expect(code).toBe(1);
  expect(stderr).toMatch(/^error: Nothing can be written to --out .*ENOTDIR/);
  expect(existingParent(join(root, 'd'))).toBe(root);
});
