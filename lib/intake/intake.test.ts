import { describe, expect, test } from 'vitest';
import { collect } from '../async.ts';
import { siteKeys } from '../federation/keys.ts';
import { rejectedSchema } from '../federation/schemas.ts';
import { writeNifti } from '../imaging/nifti-write.ts';
import { readJson } from '../storage/documents.ts';
import { rejectStray } from './intake.ts';
import { calcium, ct, GRID, hingeMap, hingeMarkups, image, PNG, type TestSite, testSite, VOXELS } from './testing.ts';

describe('a good case', () => {
  test('is cataloged with the facts of its image and labels', async () => {
    const { put, reconcile, catalog, rejected } = testSite();
    await put('cases/p7/image.nii.gz', image());
    await put('cases/p7/labels/hinge-points.mrk.json', hingeMarkups());
    await put('cases/p7/labels/calcification.nii.gz', calcium());

    const result = await reconcile('p7');

    expect(result.faults).toEqual([]);
    expect(result.entry?.value).toEqual(await catalog('p7'));
    expect(await rejected('p7')).toBeUndefined();
    expect(await catalog('p7')).toMatchObject({
      site: 'berlin',
      case: 'p7',
      use: 'training',
      image: {
        key: 'cases/p7/image.nii.gz',
        bytes: image().length,
        shape: [12, 10, 8],
        spacing: [1.5, 1.5, 2],
        orientation: 'LPS',
        affine: GRID.affine,
        range: [Math.min(...ct().data), Math.max(...ct().data)],
      },
      labels: {
        'hinge-points': { format: 'markups', classes: { 1: 1, 2: 1, 3: 1, 4: 1, 5: 1 } },
        calcification: { format: 'class-map', classes: { 1: 7 } },
      },
    });
  });

  test('may be held out, uncompressed, scaled, or stored in another type', async () => {
    const { put, reconcile, catalog } = testSite();
    const shifted = Buffer.from(
      writeNifti({ ...GRID, data: Uint16Array.from(ct(3).data, (hu) => hu + 1024) }, { gzip: false }),
    );
    shifted.writeFloatLE(-1024, 116);
    await put('held-out/p8/image.nii', shifted);
    await reconcile('p8');
    expect(await catalog('p8')).toMatchObject({
      use: 'evaluation',
      image: { range: [Math.min(...ct(3).data), Math.max(...ct(3).data)] },
    });
  });

  test('waits for its image if only labels are there', async () => {
    const { put, reconcile, catalog, rejected } = testSite();
    await put('cases/p7/labels/hinge-points.nii.gz', hingeMap());
    expect(await reconcile('p7')).toMatchObject({ entry: undefined, faults: [] });
    expect([await catalog('p7'), await rejected('p7')]).toEqual([undefined, undefined]);

    await put('cases/p7/image.nii.gz', image());
    await reconcile('p7');
    expect((await catalog('p7'))?.labels['hinge-points']?.format).toBe('class-map');
  });

  test('may have an empty segmentation, as no calcium is a finding', async () => {
    const { put, reconcile, catalog } = testSite();
    await put('cases/p7/image.nii.gz', image());
    await put('cases/p7/labels/calcification.nii.gz', writeNifti({ ...GRID, data: new Uint8Array(VOXELS) }));
    await reconcile('p7');
    expect((await catalog('p7'))?.labels.calcification?.classes).toEqual({ 1: 0 });
  });
});

describe('names and duplicates', () => {
  test('rejects a case name that may be the name of a patient', async () => {
    const { put, reconcile, rejected } = testSite();
    await put('cases/Müller, Hans/image.nii.gz', image());
    await reconcile('Müller, Hans');
    expect((await rejected('Müller, Hans'))?.objects[0]).toMatchObject({
      code: 'BAD_KEY',
      hint: expect.stringMatching(/pseudonym/),
    });
  });

  test.each(['cases/Doe_Jane/image.nii.gz', 'cases/Mueller^Hans/labels/Mueller^Hans.nii.gz', 'cases/Doe_Jane.nii.gz'])(
    'repeats the name in %s in no document, and lets it go with the file',
    async (key) => {
      const { put, remove, rescan, store } = testSite();
      await put(key, image());
      await put('rejected/Mueller^Hans.json', '{}');

      await rescan();
      const documents = await collect(store.list(siteKeys.rejectedPrefix));
      const bodies = await Promise.all(documents.map(async (info) => (await store.get(info.key)).body));
      await remove(key);
      const repaired = (await rescan()).repaired.length;

      expect(documents).toHaveLength(1);
      const text = [...documents.map((info) => info.key), ...bodies.map((body) => Buffer.from(body).toString())].join();
      expect(text).toContain('BAD_KEY');
      expect(text).not.toMatch(/Doe|Jane|Mueller|Hans/);
      expect(repaired).toBe(1);
      expect(await collect(store.list(siteKeys.rejectedPrefix))).toEqual([]);
    },
  );

  test('rejects a file outside the case folders', async () => {
    const { context, store, put } = testSite();
    for (const key of ['cases/scan.nii.gz', 'held-out/scan.nii.gz', 'cases//d1/scan.nii.gz']) {
      await put(key, image());
      await rejectStray(context, siteKeys.ofEvent(key));
    }
    for (const key of ['cases/scan.nii.gz', 'held-out/scan.nii.gz', 'cases//d1/scan.nii.gz']) {
      const { value } = await readJson(store, siteKeys.rejectedStray(key), rejectedSchema);
      expect(value.objects).toMatchObject([{ key, reason: expect.stringMatching(/not in a case folder/) }]);
    }
  });

  test('keeps the rejection of a folder marker apart from that of the case with its name', async () => {
    const { context, put, reconcile, rejected, summarize, summary } = testSite();
    await put('cases/p7/image.nii.gz', PNG);
    await put('cases/p7', '');
    await reconcile('p7');
    await rejectStray(context, siteKeys.ofEvent('cases/p7'));
    expect((await rejected('p7'))?.objects).toMatchObject([{ key: 'cases/p7/image.nii.gz' }]);
    await summarize();
    expect((await summary()).cases.rejected).toBe(2);
  });

  test("passes over a console's folders and an operating system's files", async () => {
    const site = testSite();
    const { put, reconcile, summarize, summary } = site;
    for (const name of ['labels/', '._image.nii.gz', 'labels/._calcification.nii.gz', '.DS_Store', 'Thumbs.db'])
      await put(`cases/p7/${name}`, '');
    for (const key of ['catalog/', 'catalog/._p7.json', 'catalog/.DS_Store', 'rejected/', 'rejected/Thumbs.db'])
      await put(key, '');
    await put('cases/p7/image.nii.gz', image());
    expect(await reconcile('p7')).toMatchObject({ entry: { value: { case: 'p7' } }, faults: [] });
    await summarize();
    expect((await summary()).cases).toEqual({ training: 1, evaluation: 0, rejected: 0 });
  });

  test('rejects further images of a case and prefers the held-out one', async () => {
    const { put, reconcile, catalog } = testSite();
    await put('cases/p7/image.nii.gz', image(1));
    await put('cases/p7/image.nii', image(2));
    await put('held-out/p7/image.nii.gz', image(3));
    const { faults } = await reconcile('p7');
    expect((await catalog('p7'))?.image.key).toBe('held-out/p7/image.nii.gz');
    expect(faults.map(({ key }) => key)).toEqual(['cases/p7/image.nii.gz', 'cases/p7/image.nii']);
  });

  test('rejects the same volume in a second case, whatever its compression', async () => {
    const { put, reconcile, catalog, rejected } = testSite();
    await put('cases/p7/image.nii.gz', image());
    await put('cases/p8/image.nii', writeNifti(ct(), { gzip: false, description: 'copy' }));
    await reconcile('p7');
    await reconcile('p8');
    expect(await catalog('p7')).toBeDefined();
    expect(await catalog('p8')).toBeUndefined();
    expect((await rejected('p8'))?.objects[0]?.reason).toBe('It is the same volume as the image of case p7.');

    await reconcile('p7');
    expect(await rejected('p7')).toBeUndefined();
  });

  test.each([
    ['is removed', ({ store }: TestSite) => store.delete(siteKeys.image('training', 'p7'))],
    ['gets another image', ({ put }: TestSite) => put('cases/p7/image.nii.gz', image(5))],
    ['gets a bad image', ({ put }: TestSite) => put('cases/p7/image.nii.gz', PNG)],
  ])('accepts a volume in another case after its first case %s', async (_what, change) => {
    const site = testSite();
    await site.put('cases/p7/image.nii.gz', image());
    await site.put('cases/p8/image.nii.gz', image());
    await site.reconcile('p7');
    await site.reconcile('p8');
    await change(site);
    await site.reconcile('p7');
    await site.reconcile('p8');
    expect(await site.catalog('p8')).toBeDefined();
    expect(await site.rejected('p8')).toBeUndefined();
  });
});
