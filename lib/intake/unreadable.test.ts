import { describe, expect, test } from 'vitest';
import { siteKeys } from '../federation/keys.ts';
import { wrapBuckets } from '../storage/stores.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { type RefusalName, withUnreadable } from '../storage/testing-unreadable.ts';
import { intakeCases } from './intake.ts';
import { createSummaryCache } from './summary.ts';
import { calcium, image, testSite } from './testing.ts';

/** A site whose storage lists these keys, and refuses to hand them out. */
const siteWith = (refusals: Readonly<Record<string, RefusalName>>) =>
  testSite(wrapBuckets(createMemoryStorage(), (store) => withUnreadable(store, (key) => refusals[key])));

const CT = 'cases/p1/image.nii.gz';
const LABEL = 'cases/p1/labels/calcification.nii.gz';

describe.each([
  ['GLACIER', 'standard storage class'],
  ['SSE-C', 'without a key of your own'],
] as const)('an upload that nobody can read (%s)', (refusal, hint) => {
  test('is rejected if it is a CT, and settled', async () => {
    const { put, context, rejected, rescan, catalog } = siteWith({ [CT]: refusal });
    await put(CT, image(1));
    await put('cases/q2/image.nii.gz', image(2));

    await intakeCases(context, ['p1', 'q2']);

    expect((await rejected('p1'))?.objects).toMatchObject([
      { key: CT, code: 'BAD_IMAGE', hint: expect.stringContaining(hint) },
    ]);
    expect(await catalog('q2')).toBeDefined();
    expect(await rescan()).toMatchObject({ failed: [] });
    expect(await rescan()).toMatchObject({ examined: 0 });
  });

  test('is rejected if it is a label, and its CT is cataloged', async () => {
    const { put, context, rejected, catalog } = siteWith({ [LABEL]: refusal });
    await put(CT, image(1));
    await put(LABEL, calcium());

    await intakeCases(context, ['p1']);

    expect((await rejected('p1'))?.objects).toMatchObject([
      { key: LABEL, code: 'BAD_LABEL', hint: expect.stringContaining(hint) },
    ]);
    expect((await catalog('p1'))?.labels).toEqual({});
  });
});

describe.each(['a KMS key of others', 'a disabled KMS key'] as const)(
  'an upload that intake may not read (%s)',
  (refusal) => {
    test('is an error of its CT alone, until intake may read it', async () => {
      const refusals: Record<string, RefusalName> = { [CT]: refusal };
      const { put, rescan, rejected, catalog } = siteWith(refusals);
      await put(CT, image(1));
      await put('cases/q2/image.nii.gz', image(2));

      const report = await rescan();
      delete refusals[CT];
      await rescan();

      expect(report.failed.map(({ subject }) => subject)).toEqual(['p1']);
      expect(await catalog('q2')).toBeDefined();
      expect(await rejected('p1')).toBeUndefined();
      expect(await catalog('p1')).toBeDefined();
    });

    test('is an error of its label, and its CT is cataloged', async () => {
      const refusals: Record<string, RefusalName> = { [LABEL]: refusal };
      const { put, rescan, catalog, rejected } = siteWith(refusals);
      await put(CT, image(1));
      await put(LABEL, calcium());

      const report = await rescan();
      const before = await catalog('p1');
      delete refusals[LABEL];
      await rescan();

      expect(report.failed.map(({ subject }) => subject)).toEqual(['p1']);
      expect(before?.labels).toEqual({});
      expect(await rejected('p1')).toBeUndefined();
      expect(Object.keys((await catalog('p1'))?.labels ?? {})).toEqual(['calcification']);
    });
  },
);

test.each(['an outage', 'a wrong access key'] as const)('%s rejects nothing', async (refusal) => {
  const { put, context, rejected, catalog } = siteWith({ [CT]: refusal, [LABEL]: refusal });
  await put(CT, image(1));

  const result = (await intakeCases(context, ['p1'])).get('p1');

  expect(result).toBeInstanceOf(Error);
  expect(await rejected('p1')).toBeUndefined();
  expect(await catalog('p1')).toBeUndefined();
});

describe.each(['GLACIER', 'SSE-C', 'a KMS key of others', 'a disabled KMS key'] as const)(
  'a catalog entry that cannot be read (%s)',
  (refusal) => {
    const CASES = ['q2', 'r3', 's4'];
    async function prepare() {
      const site = siteWith({ [siteKeys.catalog('p1')]: refusal });
      await site.put(siteKeys.catalog('p1'), '{}');
      for (const [seed, id] of ['p1', ...CASES].entries()) await site.put(`cases/${id}/image.nii.gz`, image(seed));
      return site;
    }

    test('stops no other case of a rescan, and is told', async () => {
      const { rescan, catalog, summary } = await prepare();

      const { failed, uncounted } = await rescan();

      expect(failed.map(({ subject }) => subject)).toEqual(['p1']);
      expect(uncounted.map((entry) => entry.case)).toEqual(['p1']);
      expect(await Promise.all(CASES.map(async (id) => Boolean(await catalog(id))))).toEqual([true, true, true]);
      expect((await summary()).cases.training).toBe(3);
      // What was found is kept: only the case that failed is examined again.
      expect(await rescan()).toMatchObject({ examined: 1 });
    });

    test('stops no batch of intake, and is told once for a count', async () => {
      const { batch, catalog, summary } = await prepare();
      const cache = createSummaryCache();

      const first = await batch(cache, ['q2', 'p1']);
      const second = await batch(cache, ['q2']);
      const third = await batch(cache, ['r3']);

      expect(first.results.get('p1')).toBeInstanceOf(Error);
      expect(await Promise.all(['q2', 'r3'].map(async (id) => Boolean(await catalog(id))))).toEqual([true, true]);
      expect([first, second, third].map(({ uncounted }) => uncounted.length)).toEqual([1, 0, 0]);
      expect((await summary()).cases.training).toBe(2);
    });
  },
);

test('a site none of whose entries intake may read is not counted as empty', async () => {
  const refusals: Record<string, RefusalName> = {};
  const { put, reconcile, summarize, summary } = siteWith(refusals);
  for (const [seed, id] of ['p1', 'p2'].entries()) {
    await put(`cases/${id}/image.nii.gz`, image(seed));
    await reconcile(id);
  }
  await summarize();
  for (const id of ['p1', 'p2']) refusals[siteKeys.catalog(id)] = 'a KMS key of others';

  await expect(summarize()).rejects.toMatchObject({ code: 'STORAGE' });

  expect((await summary()).cases.training).toBe(2);
});

test('an outage ends a batch at once', async () => {
  const { put, context } = siteWith({ [siteKeys.catalog('p1')]: 'an outage' });
  await put(siteKeys.catalog('p1'), '{}');

  await expect(intakeCases(context, ['p1', 'q2'])).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
});
