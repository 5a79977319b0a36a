import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

/** For tests: a folder for each test, and a way to write files into it. */
export function useFolder() {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'fedcardio-site-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));
  return {
    root: () => root,
    write(files: Readonly<Record<string, Uint8Array | string>>): void {
      for (const [name, body] of Object.entries(files)) {
        mkdirSync(dirname(join(root, name)), { recursive: true });
        writeFileSync(join(root, name), body);
      }
    },
  };
}
