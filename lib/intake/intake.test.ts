import { describe, expect, test } from 'vitest';
import { siteKeys } from '../federation/keys.ts';
import { writeNifti } from '../imaging/nifti-write.ts';
import { rejectStray } from './intake.ts';
import { calcium, ct, GRID, hingeMap, hingeMarkups, image, PNG, VOXELS, type World, world } from './testing.ts';

describe('a good case', () => {
  test('is cataloged with what the image is and what the labels hold', async () => {
    const { put, look, catalog, rejected } = world();
    await put('cases/p7/image.nii.gz', image());
    await put('cases/p7/labels/hinge-points.mrk.json', hingeMarkups());
    await put('cases/p7/labels/calcification.nii.gz', calcium());

    const result = await look('p7');

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

  test('may be held out, uncompressed, scaled, or of another type', async () => {
    const { put, look, catalog } = world();
    const shifted = Buffer.from(
      writeNifti({ ...GRID, data: Uint16Array.from(ct(3).data, (hu) => hu + 1024) }, { gzip: false }),
    );
    shifted.writeFloatLE(-1024, 116);
    await put('held-out/p8/image.nii', shifted);
    await look('p8');
    expect(await catalog('p8')).toMatchObject({
      use: 'evaluation',
      image: { range: [Math.min(...ct(3).data), Math.max(...ct(3).data)] },
    });
  });

  test('waits for its image: labels alone are no error', async () => {
    const { put, look, catalog, rejected } = world();
    await put('cases/p7/labels/hinge-points.nii.gz', hingeMap());
    expect(await look('p7')).toEqual({ faults: [] });
    expect([await catalog('p7'), await rejected('p7')]).toEqual([undefined, undefined]);

    await put('cases/p7/image.nii.gz', image());
    await look('p7');
    expect((await catalog('p7'))?.labels['hinge-points']?.format).toBe('class-map');
  });

  test('with an empty segmentation has a label: no calcium is a finding', async () => {
    const { put, look, catalog } = world();
    await put('cases/p7/image.nii.gz', image());
    await put('cases/p7/labels/calcification.nii.gz', writeNifti({ ...GRID, data: new Uint8Array(VOXELS) }));
    await look('p7');
    expect((await catalog('p7'))?.labels.calcification?.classes).toEqual({ 1: 0 });
  });
});

describe('names and duplicates', () => {
  test('a case name that may be a patient’s is refused', async () => {
    const { put, look, rejected } = world();
    await put('cases/Müller, Hans/image.nii.gz', image());
    await look('Müller, Hans');
    expect((await rejected('Müller, Hans'))?.objects[0]).toMatchObject({
      code: 'BAD_KEY',
      hint: expect.stringMatching(/pseudonym/),
    });
  });

  test('a file beside the case folders is named', async () => {
    const { context, put, rejected } = world();
    await put('cases/scan.nii.gz', image());
    await rejectStray(context, siteKeys.ofEvent('cases/scan.nii.gz'));
    expect((await rejected('scan.nii.gz'))?.objects[0]).toMatchObject({
      reason: expect.stringMatching(/no case folder/),
    });
  });

  test('folders that a console makes are no files', async () => {
    const { put, look } = world();
    await put('cases/p7/labels/', '');
    await put('cases/p7/image.nii.gz', image());
    expect(await look('p7')).toMatchObject({ entry: { value: { case: 'p7' } }, faults: [] });
  });

  test('a second image of a case, and a case both trained on and held out', async () => {
    const { put, look, catalog } = world();
    await put('cases/p7/image.nii.gz', image(1));
    await put('cases/p7/image.nii', image(2));
    await put('held-out/p7/image.nii.gz', image(3));
    const { faults } = await look('p7');
    expect((await catalog('p7'))?.image.key).toBe('held-out/p7/image.nii.gz');
    expect(faults.map(({ key }) => key)).toEqual(['cases/p7/image.nii.gz', 'cases/p7/image.nii']);
  });

  test('the same volume as two cases: the second is rejected, however it is packed', async () => {
    const { put, look, catalog, rejected } = world();
    await put('cases/p7/image.nii.gz', image());
    await put('cases/p8/image.nii', writeNifti(ct(), { gzip: false, description: 'copy' }));
    await look('p7');
    await look('p8');
    expect(await catalog('p7')).toBeDefined();
    expect(await catalog('p8')).toBeUndefined();
    expect((await rejected('p8'))?.objects[0]?.reason).toBe('It is the same volume as the image of case p7.');

    await look('p7');
    expect(await rejected('p7')).toBeUndefined();
  });

  test.each([
    ['is removed', ({ store }: World) => store.delete(siteKeys.image('training', 'p7'))],
    ['gets another image', ({ put }: World) => put('cases/p7/image.nii.gz', image(5))],
    ['gets a bad image', ({ put }: World) => put('cases/p7/image.nii.gz', PNG)],
  ])('a volume is free again when the case that had it %s', async (_what, change) => {
    const all = world();
    await all.put('cases/p7/image.nii.gz', image());
    await all.put('cases/p8/image.nii.gz', image());
    await all.look('p7');
    await all.look('p8');
    await change(all);
    await all.look('p7');
    await all.look('p8');
    expect(await all.catalog('p8')).toBeDefined();
    expect(await all.rejected('p8')).toBeUndefined();
  });
});
