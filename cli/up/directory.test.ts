import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openUpDirectory } from './directory.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fedcardio-up-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const federation = (id: string, file: string): string => {
  const path = join(folder, file);
  const sites = [{ id: 'ulm', name: 'Ulm' }];
  writeFileSync(path, JSON.stringify({ schema: 'fedcardio.federation/1', id, sites }));
  return path;
};

test('has a small federation of its own without a file', () => {
  const { federation, declaredBy } = openUpDirectory(join(folder, 'data'));

  expect(federation.sites.length).toBeGreaterThan(1);
  expect(declaredBy).toBeUndefined();
});

test('has the federation of a file, and keeps it for the next start', () => {
  const data = join(folder, 'data');
  openUpDirectory(data, federation('heart', 'mine.json')).save();

  expect(openUpDirectory(data).federation.id).toBe('heart');
  expect(JSON.parse(readFileSync(join(data, 'federation.json'), 'utf8'))).toMatchObject({ id: 'heart' });
});

test('refuses another federation, whose buckets it does not hold', () => {
  const data = join(folder, 'data');
  openUpDirectory(data, federation('heart', 'mine.json')).save();

  expect(() => openUpDirectory(data, federation('lung', 'other.json'))).toThrow(
    `${data} holds the federation "heart", not "lung".`,
  );
});

test('names a faulty federation, and creates nothing', () => {
  writeFileSync(join(folder, 'mine.json'), '{"schema":"fedcardio.federation/1","id":"heart","sites":[]}');

  expect(() => openUpDirectory(join(folder, 'data'), join(folder, 'mine.json'))).toThrow('sites');
  expect(() => readFileSync(join(folder, 'data'))).toThrow('ENOENT');
});

test('says when a disk has too little space, or a directory cannot be made', () => {
  expect(() => openUpDirectory(join(folder, 'data'), undefined, 1e18)).toThrow(
    /has [\d.]+ GB free, at least 1000000000.0 GB/,
  );
  const file = federation('heart', 'mine.json');
  expect(() => openUpDirectory(join(file, 'data'))).toThrow(join(file, 'data'));
});
