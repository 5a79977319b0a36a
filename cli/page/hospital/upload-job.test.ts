import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { storesOf } from '../../../lib/storage/stores.ts';
import { createMemoryStorage } from '../../../lib/storage/testing-objects.ts';
import { createUploadJob } from './upload-job.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fedcardio-upload-job-'));
  vi.stubEnv('TMPDIR', folder);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

function setUp() {
  const failures: unknown[] = [];
  const job = createUploadJob({
    site: 'berlin',
    store: storesOf(createMemoryStorage(), 'heart').siteStore('berlin'),
    tasks: async () => [],
    pseudonyms: undefined,
    onFailure: (error) => failures.push(error),
  });
  return { job, failures };
}

describe('the upload of a page', () => {
  test('fails, and the page goes on, when its folder can be neither read nor removed', async () => {
    const { job, failures } = setUp();
    const upload = job.begin('training', 10);
    rmSync(folder, { recursive: true });
    writeFileSync(folder, '');

    job.check(upload);

    await expect.poll(() => job.live.get()?.phase).toBe('failed');
    expect(failures).toContainEqual(expect.objectContaining({ code: 'ENOTDIR' }));
    expect(() => job.end(upload)).not.toThrow();
  });
});
