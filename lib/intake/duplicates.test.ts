import { describe, expect, test } from 'vitest';
import { siteKeys } from '../federation/keys.ts';
import { contentSchema } from '../federation/schemas.ts';
import { readJson } from '../storage/documents.ts';
import { type Claimant, claimContent } from './duplicates.ts';
import { image, testSite } from './testing.ts';

const CONTENT = 'c'.repeat(64);

/** A site with the image of a case, which claims the content. */
async function claimedSite() {
  const site = testSite();
  const claimOf = async (id: string): Promise<Claimant> => {
    const key = siteKeys.ofEvent(`cases/${id}/image.nii`);
    return { case: id, key, etag: (await site.store.put(key, image())).etag };
  };
  const first = await claimOf('p1');
  const claim = (claimant: Claimant, likelyOwned = false) =>
    claimContent(site.context.store, CONTENT, claimant, likelyOwned);
  await claim(first);
  const owner = async () => {
    const { schema: _, ...stored } = (await readJson(site.store, siteKeys.content(CONTENT), contentSchema)).value;
    return stored;
  };
  return { site, first, claim, claimOf, owner };
}

describe('the content of a CT', () => {
  test.each([true, false])('belongs to one case, which claims it again, guessed right: %s', async (guess) => {
    const { first, claim, owner } = await claimedSite();

    expect(await claim(first, guess)).toBeUndefined();
    expect(await owner()).toEqual(first);
  });

  test('is claimed by a guess that is wrong', async () => {
    const { site, first } = await claimedSite();
    const other = 'd'.repeat(64);

    expect(await claimContent(site.context.store, other, first, true)).toBeUndefined();
    expect((await readJson(site.store, siteKeys.content(other), contentSchema)).value).toMatchObject(first);
  });

  test('is not claimed by another case, as long as the first uses its image', async () => {
    const { first, claim, claimOf, owner } = await claimedSite();

    expect(await claim(await claimOf('p2'))).toMatchObject(first);
    expect(await owner()).toEqual(first);
  });

  test.each(['removed', 'replaced', 'hidden behind a held-out image'])(
    'goes to another case when the image is %s',
    async (how) => {
      const { site, first, claim, claimOf, owner } = await claimedSite();
      if (how === 'removed') await site.remove(first.key);
      if (how === 'replaced') await site.put(first.key, image(2));
      if (how.startsWith('hidden')) await site.put('held-out/p1/image.nii', image(2));
      const second = await claimOf('p2');

      expect(await claim(second)).toBeUndefined();
      expect(await owner()).toEqual(second);
    },
  );

  test.each([
    ['version', { etag: '"new"' }],
    ['file', { key: siteKeys.ofEvent('cases/p1/image.nii.gz') }],
  ])('stays with the case under another %s', async (_what, change) => {
    const { first, claim, owner } = await claimedSite();

    expect(await claim({ ...first, ...change })).toBeUndefined();
    expect(await owner()).toEqual({ ...first, ...change });
  });

  test('is claimed in place of a claim that nobody can parse', async () => {
    const { site, first, claim, owner } = await claimedSite();
    await site.store.put(siteKeys.content(CONTENT), '{');

    expect(await claim(first)).toBeUndefined();
    expect(await owner()).toEqual(first);
  });

  test('goes to the first of two cases that claim it at the same time', async () => {
    const { site, first, claim, claimOf, owner } = await claimedSite();
    await site.remove(first.key);
    const [second, third] = [await claimOf('p2'), await claimOf('p3')];

    const both = await Promise.allSettled([claim(second), claim(third)]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'PRECONDITION_FAILED' } });
    expect([second, third]).toContainEqual(await owner());
  });
});
