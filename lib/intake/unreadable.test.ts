import { describe, expect, test } from 'vitest';
import { wrapBuckets } from '../storage/stores.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { type RefusalName, withUnreadable } from '../storage/testing-unreadable.ts';
import { intakeCases } from './intake.ts';
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
