import { expect, test } from 'vitest';
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
