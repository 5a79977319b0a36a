import { beforeEach, describe, expect, test } from 'vitest';
import { siteKeys } from '../lib/federation/keys.ts';
import { type Ledger, ledgerSchema } from '../lib/federation/schemas.ts';
import { epsilonOfReleases } from '../lib/privacy/ledger.ts';
import { testRelease } from '../lib/privacy/testing.ts';
import type { SiteStore } from '../lib/storage/contract.ts';
import { readJson } from '../lib/storage/documents.ts';
import { chargeRelease, requireBudget } from './privacy-budget.ts';
import { stores } from './testing.ts';

const SITE = 'bonn';
const release = (campaign: string, round = 1) => testRelease({ campaign, round });
/** One release fits, two do not. */
const ONE = { epsilon: 1.2 * epsilonOfReleases([release('a')], 1e-5), delta: 1e-5 };

let store: SiteStore;
beforeEach(() => {
  store = stores().siteStore(SITE);
});
const ledger = async (): Promise<Ledger> => (await readJson(store, siteKeys.ledger, ledgerSchema)).value;

describe('the ledger of a site', () => {
  test('gives the last of a budget to one of two tasks that run at the same time', async () => {
    const both = [release('a'), release('b')];
    for (const one of both) await requireBudget(store, SITE, one, ONE);

    const results = await Promise.allSettled(both.map((one) => chargeRelease(store, SITE, one, ONE)));

    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'BUDGET_EXCEEDED' } });
    expect((await ledger()).releases).toHaveLength(1);
  });

  test('loses no release of tasks that run at the same time', async () => {
    const rounds = Array.from({ length: 8 }, (_, i) => release('a', i + 1));

    await Promise.all(rounds.map((one) => chargeRelease(store, SITE, one, undefined)));

    expect((await ledger()).releases.map(({ round }) => round).sort()).toEqual(rounds.map(({ round }) => round));
  });

  test('lets a restarted task go on that has recorded its release', async () => {
    await chargeRelease(store, SITE, release('a'), ONE);

    await requireBudget(store, SITE, release('a'), ONE);
    await chargeRelease(store, SITE, release('a'), ONE);

    await expect(requireBudget(store, SITE, release('a', 2), ONE)).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED' });
    await expect(chargeRelease(store, SITE, { ...release('a'), of: '1'.repeat(16) }, ONE)).rejects.toMatchObject({
      code: 'BUDGET_EXCEEDED',
    });
  });

  test('lets no round of a plan be trained from a second model, with or without a budget', async () => {
    const from = (base: string, plan = 'a') => ({
      ...release('a'),
      of: base.repeat(16),
      plan: plan.repeat(16),
      base: base.repeat(16),
    });
    await chargeRelease(store, SITE, from('1'), undefined);
    const refused = { code: 'BAD_CONFIGURATION', message: expect.stringContaining('from another model') };

    await expect(requireBudget(store, SITE, from('2'), undefined)).rejects.toMatchObject(refused);
    await expect(chargeRelease(store, SITE, from('2'), undefined)).rejects.toMatchObject(refused);

    // The same model again, such as without a case that was withdrawn, and another campaign of the same name.
    await chargeRelease(store, SITE, { ...from('1'), of: '3'.repeat(16) }, undefined);
    await chargeRelease(store, SITE, from('2', 'b'), undefined);
    expect((await ledger()).releases).toHaveLength(3);
  });

  test('is not begun anew if it is damaged', async () => {
    await store.put(siteKeys.ledger, '{}');

    await expect(requireBudget(store, SITE, release('a'), ONE)).rejects.toMatchObject({ code: 'BAD_MESSAGE' });
    await expect(chargeRelease(store, SITE, release('a'), undefined)).rejects.toMatchObject({ code: 'BAD_MESSAGE' });
  });
});
