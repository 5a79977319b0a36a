import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type FederationKey, federationKeys } from '../../federation/keys.ts';
import { createMemoryStorage } from '../../storage/testing-objects.ts';
import { DENIED, PERMANENT, type RefusalName, withUnreadable } from '../../storage/testing-unreadable.ts';
import { readStepAnswers } from './answers.ts';

const AT = { campaign: 'tavi', stage: 'teacher', round: 1 };
const SITES = ['bonn', 'graz', 'ulm'];
const keyOf = (site: string) => federationKeys.stepAnswer(AT, site, 'reveal');

/** What is read of the sites' answers if the storage refuses those of some. */
async function readWith(refused: Readonly<Record<string, RefusalName>>) {
  const store = createMemoryStorage()<FederationKey>('heart-federation');
  for (const site of SITES) await store.put(keyOf(site), JSON.stringify(site));
  const refusalOf = (key: FederationKey) => refused[SITES.find((site) => keyOf(site) === key) ?? ''];
  return readStepAnswers(withUnreadable(store, refusalOf), AT, 'reveal', SITES, z.string(), (answer) => answer);
}

describe('short answers that the storage does not hand out', () => {
  test.each(PERMANENT)('are a fault of their site alone: %s', async (refusal) => {
    const { usable, missing, faulty } = await readWith({ graz: refusal });

    expect(usable.map(({ site }) => site)).toEqual(['bonn', 'ulm']);
    expect(missing).toEqual([]);
    expect(faulty).toEqual([{ site: 'graz', reason: expect.stringContaining('s3://') }]);
  });

  test.each(DENIED)('are waited for until the deadline while a right may help: %s', async (refusal) => {
    expect(await readWith({ graz: refusal })).toMatchObject({
      missing: ['graz'],
      faulty: [],
      unread: expect.objectContaining({ code: 'STORAGE' }),
    });
  });

  test.each(PERMANENT)('are faults of all sites if none can ever be read: %s', async (refusal) => {
    const { faulty, unread } = await readWith(Object.fromEntries(SITES.map((site) => [site, refusal])));

    expect(faulty.map(({ site }) => site)).toEqual(SITES);
    expect(unread).toBeUndefined();
  });

  test.each<[string, Readonly<Record<string, RefusalName>>]>([
    ['during an outage', { graz: 'an outage' }],
    ['if it hands out none', Object.fromEntries(SITES.map((site) => [site, DENIED[0] as RefusalName]))],
  ])('are no fault of a site %s', async (_, refused) => {
    await expect(readWith(refused)).rejects.toMatchObject({ code: expect.stringMatching(/^STORAGE/) });
  });
});
