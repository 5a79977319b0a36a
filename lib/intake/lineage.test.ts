import { expect, test } from 'vitest';
import { FedcardioError } from '../error.ts';
import { caseHash, federationKeys, type SiteKey, siteKeys } from '../federation/keys.ts';
import { MAX_LINEAGE_ENTRIES } from '../federation/schemas.ts';
import type { SiteStore } from '../storage/contract.ts';
import { storesOf } from '../storage/stores.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { caseHistory, hashedCases, recordLineage, type UsedCases } from './lineage.ts';

const SHA = 'a'.repeat(64);
const about = (round: number) => ({
  site: 'berlin',
  campaign: 'tavi',
  stage: 'teacher/calcium',
  round,
  kind: 'teacher',
});
const entry = (round: number, cases: UsedCases, sha256 = SHA) => ({
  at: '2026-01-01T00:00:00.000Z',
  update: { key: federationKeys.update(about(round), 'berlin', SHA), sha256, bytes: 700 },
  weights: { key: federationKeys.updateWeights(about(round), 'berlin', SHA), sha256: SHA, bytes: 9 },
  base: null,
  cases: hashedCases(cases),
});
const siteStore = (): SiteStore => storesOf(createMemoryStorage(), 'tavi').siteStore('berlin');

test('a case is found in the rounds that used it, with its uses, and its name is in no record', async () => {
  const store = siteStore();
  await recordLineage(store, about(1), entry(1, { training: ['p1', 'p2'] }));
  await recordLineage(store, about(2), entry(2, { training: ['p2'], validation: ['p1'] }));
  await recordLineage(store, about(3), entry(3, { training: ['p2'] }));
  await store.put(siteKeys.lineage(about(4)), `{"hash":"${caseHash('p1')}"}`);

  const { updates, unreadable } = await caseHistory(store, 'p1');

  expect(updates.map(({ round, uses }) => [round, uses])).toEqual([
    [1, ['training']],
    [2, ['validation']],
  ]);
  expect(unreadable.map(({ key }) => key)).toEqual([siteKeys.lineage(about(4))]);
  expect(Buffer.from((await store.get(siteKeys.lineage(about(1)))).body).toString()).not.toMatch(/"p[12]"/);
});

test('a second run of a GPU task adds its cases, and a crash loop does not grow the record for ever', async () => {
  const store = siteStore();
  const shaOf = (run: number) => String(run).padStart(64, '0');
  for (let run = 0; run < MAX_LINEAGE_ENTRIES + 5; run++) {
    await recordLineage(store, about(1), entry(1, { training: [`p${run}`] }, shaOf(run)));
  }

  const first = await caseHistory(store, 'p0');
  const last = await caseHistory(store, `p${MAX_LINEAGE_ENTRIES + 4}`);

  expect(first.updates).toEqual([]);
  expect(last.updates).toHaveLength(1);
});

test('entries of earlier runs stay, and a run that publishes the same update again replaces its own', async () => {
  const store = siteStore();
  const record = (run: number, id: string) =>
    recordLineage(store, about(1), entry(1, { training: [id] }, String(run).repeat(64)));
  await record(1, 'p1');
  await record(2, 'p2');
  await record(2, 'p3');

  const found = await Promise.all(['p1', 'p2', 'p3'].map((id) => caseHistory(store, id)));

  expect(found.map(({ updates }) => updates.map(({ update }) => update.sha256[0]))).toEqual([['1'], [], ['2']]);
});

test('a run does not overwrite what another has recorded since it read the record', async () => {
  const store = siteStore();
  await recordLineage(store, about(1), entry(1, { training: ['p1'] }, '1'.repeat(64)));
  const late = recordLineage(
    {
      ...store,
      tryGet: async (key) => {
        const read = await store.tryGet(key);
        await recordLineage(store, about(1), entry(1, { training: ['p2'] }, '2'.repeat(64)));
        return read;
      },
    },
    about(1),
    entry(1, { training: ['p3'] }, '3'.repeat(64)),
  );

  await expect(late).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
  expect((await caseHistory(store, 'p2')).updates).toHaveLength(1);
});

test('the hashes of a record are sorted, so that their order tells nothing of the cases', () => {
  const ids = ['p1', 'p2', 'p3', 'p4', 'p2'];

  const { training } = hashedCases({ training: ids });

  expect(training).toEqual([...new Set(ids.map(caseHash))].sort());
  expect(training).toEqual(hashedCases({ training: ids.toReversed() }).training);
});

test('a record that is too long or of a newer release is named, one that was deleted is not, and an outage is thrown', async () => {
  const LONGEST = 16 * 1024 * 1024;
  const bytesOf = [LONGEST, LONGEST + 1, 9, 9, 9];
  const listed = bytesOf.map((bytes, i) => ({ key: siteKeys.lineage(about(i + 1)) as SiteKey, bytes }));
  const record = { schema: 'fedcardio.lineage/1', ...about(1), updates: [entry(1, { training: ['p1'] })] };
  const bodies = [record, record, { ...record, schema: 'fedcardio.lineage/2' }, undefined, undefined];
  const store = {
    list: async function* () {
      for (const one of listed.slice(0, 4)) yield { ...one, etag: '"x"', lastModified: new Date(0) };
    },
    tryGet: async (key: SiteKey) => {
      const body = bodies[listed.findIndex((one) => one.key === key)];
      return body && { body: Buffer.from(JSON.stringify(body)), etag: '"x"' };
    },
  };
  const outage = async () => {
    throw new FedcardioError('STORAGE', 'Cannot read.');
  };

  const { updates, unreadable } = await caseHistory(store, 'p1');

  expect(updates).toHaveLength(1);
  expect(unreadable).toEqual([
    { key: listed[1]?.key, reason: `It has ${LONGEST + 1} bytes, ${LONGEST} are read.` },
    { key: listed[2]?.key, reason: expect.stringContaining('fedcardio.lineage/2') },
  ]);
  await expect(caseHistory({ ...store, tryGet: outage }, 'p1')).rejects.toThrow('Cannot read.');
});

test('runs that write at the same time lose nothing', async () => {
  const store = siteStore();
  const write = (run: number) =>
    recordLineage(store, about(1), entry(1, { training: [`p${run}`] }, String(run).repeat(64)));

  const written = await Promise.allSettled([write(1), write(2)]);

  for (const [index, { status }] of written.entries()) {
    const { updates } = await caseHistory(store, `p${index + 1}`);
    expect(updates.length).toBe(status === 'fulfilled' ? 1 : 0);
  }
  expect(written.some(({ status }) => status === 'fulfilled')).toBe(true);
});

test('200 rounds of 10,000 cases: a request a round, and few records in memory', async () => {
  const ids = Array.from({ length: 10_000 }, (_, index) => `case-${index}`);
  const record = { schema: 'fedcardio.lineage/1', ...about(1), updates: [entry(1, { training: ids })] };
  const body = Buffer.from(JSON.stringify(record));
  let inFlight = 0;
  let most = 0;
  let reads = 0;
  const store = {
    list: async function* () {
      for (let round = 1; round <= 200; round++) {
        yield {
          key: siteKeys.lineage(about(round)) as SiteKey,
          bytes: body.length,
          etag: '"x"',
          lastModified: new Date(0),
        };
      }
    },
    tryGet: async () => {
      reads += 1;
      most = Math.max(most, ++inFlight);
      await new Promise((resolve) => setImmediate(resolve));
      inFlight -= 1;
      return { body: Buffer.from(body), etag: '"x"' };
    },
  };
  const before = process.memoryUsage().rss;

  const { updates } = await caseHistory(store, 'case-77');

  expect(updates).toHaveLength(200);
  expect({ reads, most }).toEqual({ reads: 200, most: 8 });
  expect(process.memoryUsage().rss - before).toBeLessThan(500e6);
});
