import { describe, expect, test } from 'vitest';
import { caseHash, siteKeys } from '../federation/keys.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { testSite } from './testing.ts';
import { isAnyWithdrawn, readWithdrawalRecords, recordsOf } from './withdrawal-records.ts';

/** A site with records of withdrawals. */
async function withdrawnSite(...ids: readonly string[]) {
  let time = Date.UTC(2026, 0, 1);
  const site = testSite(createMemoryStorage({ now: () => new Date(time) }));
  const withdraw = async (id: string) => {
    time += 1000;
    await site.put(siteKeys.withdrawn(id), '{}');
  };
  const catalog = (id: string) => site.put(siteKeys.catalog(id), '{}');
  for (const id of ids) await withdraw(id);
  return { ...site, withdraw, catalog };
}

test('records are found by the hashes of their cases', async () => {
  const { store } = await withdrawnSite('p1', 'p2');

  const records = await readWithdrawalRecords(store);

  expect([...records.keys()].sort()).toEqual([caseHash('p1'), caseHash('p2')].sort());
  expect(recordsOf(records, [caseHash('p2'), caseHash('p3')])).toEqual(
    new Map([[caseHash('p2'), records.get(caseHash('p2'))]]),
  );
});

describe('of the cases that a GPU task has used, one was withdrawn', () => {
  const used = [caseHash('p1'), caseHash('p2')];

  test('if there is a record of it since', async () => {
    const { store, withdraw } = await withdrawnSite();
    const before = await readWithdrawalRecords(store);
    expect(await isAnyWithdrawn(store, used, before)).toBe(false);

    await withdraw('p2');
    expect(await isAnyWithdrawn(store, used, before)).toBe(true);
  });

  test('not if the record is of another case', async () => {
    const { store, withdraw } = await withdrawnSite();
    const before = await readWithdrawalRecords(store);

    await withdraw('p3');
    expect(await isAnyWithdrawn(store, used, before)).toBe(false);
  });

  test('if it was withdrawn once more, with a record of the same bytes', async () => {
    const { store, withdraw, catalog } = await withdrawnSite('p1');
    for (const id of ['p1', 'p2']) await catalog(id);
    const before = await readWithdrawalRecords(store);
    expect(await isAnyWithdrawn(store, used, before)).toBe(false);

    await withdraw('p1');
    expect(await isAnyWithdrawn(store, used, before)).toBe(true);
  });

  test.each([
    ['all of them are', ['p1', 'p2'], false],
    ['one of two is', ['p1'], true],
    ['none is', [], true],
  ])('by records from before, unless the cases are cataloged again: %s', async (_what, cataloged, expected) => {
    const { store, catalog } = await withdrawnSite('p1', 'p2');
    for (const id of cataloged) await catalog(id);
    const before = await readWithdrawalRecords(store);

    expect(await isAnyWithdrawn(store, used, before)).toBe(expected);
  });
});
