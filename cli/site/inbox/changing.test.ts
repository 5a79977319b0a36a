import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { importDicom } from '../../../lib/dicom/import.ts';
import type { SiteKey } from '../../../lib/federation/keys.ts';
import { createMemoryStorage } from '../../../lib/storage/testing-objects.ts';
import { startTestInbox } from './testing.ts';

let root: string;
let dir: string;
let said: string[];
let stop: () => Promise<void>;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fedcardio-inbox-'));
  dir = join(root, 'inbox');
  said = [];
});
afterEach(async () => {
  await stop();
  rmSync(root, { recursive: true });
});

function put(name: string): void {
  mkdirSync(dirname(join(dir, name)), { recursive: true });
  writeFileSync(join(dir, name), name);
}
const done = () => readdirSync(join(dir, 'done'));

/** What each import has found, and what happens meanwhile. */
function start(during: (name: string) => void): readonly string[] {
  const imports: string[] = [];
  const importer: typeof importDicom = async (folder) => {
    const name = folder.slice(folder.lastIndexOf('/') + 1);
    imports.push(`${name}: ${readdirSync(folder).join()}`);
    during(name);
    return { series: [], passedOver: [], otherFiles: 1 };
  };
  stop = startTestInbox(root, {
    store: createMemoryStorage()<SiteKey>('heart-site-kiel'),
    quietSeconds: 0.3,
    importer,
    examiner: async () => ({ accepted: [], refusedCases: [], reasons: [] }),
    say: (line) => said.push(line),
    log: () => undefined,
  });
  return imports;
}

const refused = () => readdirSync(join(dir, 'refused')).filter((name) => !name.endsWith('.txt'));

test('does not import a folder that has changed while another one was imported', async () => {
  put('a/1.dcm');
  put('b/1.dcm');
  put('loose-1.dcm');
  const imports = start((name) => {
    if (name === 'a' && readdirSync(join(dir, 'b')).length === 1) {
      put('b/2.dcm');
      put('loose-2.dcm');
    }
  });

  await vi.waitFor(() => expect(refused()).toHaveLength(3), { timeout: 10_000 });

  expect(imports).toEqual(['a: 1.dcm', 'b: 1.dcm,2.dcm', expect.stringMatching(/^files-.*: loose-1.dcm,loose-2.dcm$/)]);
  expect(done()).toEqual([]);
});

test('does not move a folder that has changed while it was imported, and imports it again', async () => {
  put('a/1.dcm');
  const imports = start(() => {
    if (readdirSync(join(dir, 'a')).length < 2) put('a/2.dcm');
  });

  await vi.waitFor(() => expect(refused()).toEqual(['a']), { timeout: 10_000 });

  expect(imports).toEqual(['a: 1.dcm', 'a: 1.dcm,2.dcm']);
  expect(said).toContain('a folder has changed while it was imported: it is imported again');
});
