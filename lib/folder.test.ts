import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { entriesBelow, entriesOf } from './folder.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fedcardio-folder-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const latin1 = (name: string) => Buffer.from(join(dir, name), 'latin1');

test('tells odd entries and goes on with all others', () => {
  mkdirSync(join(dir, 'a/b'), { recursive: true });
  writeFileSync(join(dir, 'a/b/1.dcm'), '');
  mkdirSync(latin1('a/Müller'));
  writeFileSync(latin1('a/Müller/2.dcm'), '');
  writeFileSync(latin1('a/Größe.dcm'), '');
  symlinkSync('nowhere', join(dir, 'a/dangling'));
  symlinkSync('itself', join(dir, 'a/itself'));
  symlinkSync('..', join(dir, 'a/above'));
  symlinkSync('b', join(dir, 'a/link'));
  symlinkSync('/dev/null', join(dir, 'a/null'));
  writeFileSync(join(dir, 'z.dcm'), '');

  const found = Array.from(
    entriesBelow(dir, (name) => name === 'skipped'),
    (entry) => [entry.name, entry.kind === 'file' ? 'file' : entry.fault.reason],
  );

  expect(found).toEqual([
    ['a/Größe.dcm', expect.stringContaining('not in UTF-8')],
    ['a/Müller', expect.stringContaining('not in UTF-8')],
    ['a/above', expect.stringContaining('leads back')],
    ['a/b/1.dcm', 'file'],
    ['a/dangling', 'The link points to nothing.'],
    ['a/itself', expect.stringContaining('leads back')],
    ['a/link/1.dcm', 'file'],
    ['a/null', expect.stringContaining('neither a file nor a folder')],
    ['z.dcm', 'file'],
  ]);
});

test.skipIf(process.getuid?.() === 0)('tells what the system denies', () => {
  mkdirSync(join(dir, 'lost+found'), { mode: 0 });
  writeFileSync(join(dir, 'secret.dcm'), '', { mode: 0 });

  const found = Array.from(
    entriesBelow(dir, () => false),
    (entry) => entry.kind,
  );

  expect(found).toEqual(['unusable', 'unusable']);
});

test('throws if the folder itself cannot be read', () => {
  expect(() => entriesOf(join(dir, 'none'))).toThrow('ENOENT');
});
