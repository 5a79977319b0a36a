import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { runCommand } from './testing.ts';

/** Outside the project: the command must work in every folder. */
const cwd = mkdtempSync(join(tmpdir(), 'fedcardio-cli-'));
afterAll(() => rmSync(cwd, { recursive: true }));

const fedcardio = (...args: string[]) => runCommand(args, cwd);

describe('fedcardio', () => {
  test('prints its version', async () => {
    expect(await fedcardio('--version')).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: '',
    });
  });

  test.each([
    [[], 'npx fedcardio demo'],
    [['site', 'rescan'], 'npx fedcardio site rescan'],
  ])('prints help for %j, with examples and exit codes', async (command, example) => {
    const { code, stdout } = await fedcardio(...command, '--help');

    expect(code).toBe(0);
    expect(stdout).toContain(example);
    expect(stdout).toContain('Exit codes:');
  });

  test.each([
    [['trian'], 'trian'],
    [['train'], '--site'],
    [['train', '--site', 'bonn'], 'name=dir'],
    [['train', '--site', 'bonn=x', '--held-out', '1'], 'less than 1'],
    [['demo', '--fast'], '--fast'],
    [['demo', '--seed', 'one'], 'whole number'],
    [['demo', '--tasks', '0'], 'at least 1'],
    [['local', '--port', '70000'], '65535'],
    [['status'], 'campaign'],
    [['status', 'c', '--endpoint', 'localhost:4566'], 'URL'],
    [['predict', 'c', 'student', 'p.nii'], 'fedcardio predict p.nii --campaign c --stage student'],
    [['predict', 'my ct.nii'], "fedcardio predict 'my ct.nii' --model FILE"],
    [['predict', 'p.nii', '--stage', 'student'], '--campaign and --stage belong together'],
    [['predict', 'p.nii', '--model', 'm', '--campaign', 'c'], 'give --model, or --campaign and --stage'],
    [['site', 'rescan'], "missing required argument 'site'"],
    [['bench', 'no-such-benchmark'], 'no-such-benchmark'],
  ])('exits with 2 for %j and names the error', async (args, text) => {
    const { code, stderr } = await fedcardio(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(text);
  });

  test('exits with 1 and without a stack trace when the command fails', async () => {
    const { code, stderr } = await fedcardio('demo', '--resume', '--data', 'nowhere');
    expect(code).toBe(1);
    expect(stderr).toBe('error: There is no demo to resume in nowhere. Start one without --resume.\n');
  });
});
