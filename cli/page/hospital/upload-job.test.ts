import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
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
    // From Node 24 on, what cannot be there counts as removed.
    for (const failure of failures) expect(failure).toMatchObject({ code: 'ENOTDIR' });
    expect(() => job.end(upload)).not.toThrow();
  });

  test('is kept when the next one does not fit on the disk', async () => {
    const { job } = setUp();
    const upload = job.begin('training', 4);
    const before = job.live.get();

    expect(() => job.begin('training', 1e15)).toThrow('do not fit');

    expect(job.live.get()).toEqual(before);
    await job.add(upload, 'p1/image.nii', Readable.from([Buffer.from('scan')]));
  });

  test('is removed when the next one begins', () => {
    const { job } = setUp();
    job.begin('training', 4);

    job.begin('training', 4);

    expect(readdirSync(folder)).toHaveLength(1);
  });
});
