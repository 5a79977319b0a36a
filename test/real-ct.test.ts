import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { federationKeys, type SiteKey, siteKeys } from '../lib/federation/keys.ts';
import { type CampaignInput, catalogSchema, commitSchema, pseudoLabelReportSchema } from '../lib/federation/schemas.ts';
import { channelsOf, DEFAULT_TASKS, type DefaultTaskId, TASKS } from '../lib/federation/tasks.ts';
import { centreOf, contains, spacingOf } from '../lib/imaging/affine.ts';
import { cropToHeart, heartCentre } from '../lib/imaging/heart-crop.ts';
import { heartEvidence } from '../lib/imaging/heart-evidence.ts';
import { landmarksOfClassMap } from '../lib/imaging/landmarks.ts';
import { readNifti } from '../lib/imaging/nifti-read.ts';
import { writeNifti } from '../lib/imaging/nifti-write.ts';
import { orientationOf } from '../lib/imaging/orientation.ts';
import { reorient } from '../lib/imaging/reorient.ts';
import { isotropicGrid, resample } from '../lib/imaging/resample.ts';
import type { Vec3, Volume } from '../lib/imaging/volume.ts';
import { intakeCase } from '../lib/intake/intake.ts';
import { centred, part, suspectedPairs } from '../lib/intake/testing-scans.ts';
import type { SiteStore } from '../lib/storage/contract.ts';
import { readJson } from '../lib/storage/documents.ts';
import { createMemoryStorage } from '../lib/storage/testing-objects.ts';
import { reachesBeyond } from '../lib/training/cases.ts';
import { distance } from '../lib/training/plausibility.ts';
import { pseudoLabels, student, teacher, training, uploadToyCase } from './helpers/campaign.ts';
import { variantsOf } from './helpers/ct-variants.ts';
import { type LocalFederation, startLocalFederation } from './helpers/local-federation.ts';

/** A real CT. It belongs to another project and is not stored in this one. */
const FOLDER = join(import.meta.dirname, '../../shared/data/real-ct');
const present = existsSync(FOLDER);
if (!present) console.warn(`SKIPPED: the real CT is not at ${FOLDER}: imaging is tried on phantoms only.`);
const onRealCt = test.skipIf(!present);

/** Values read by nibabel, from scripts/fixtures/imaging.py. */
interface Expected {
  readonly shape: readonly number[];
  readonly affine: readonly (readonly number[])[];
  readonly orientation: string;
  readonly range: readonly [number, number];
  readonly sum: number;
  readonly voxels: readonly (readonly [x: number, y: number, z: number, value: number])[];
  readonly masks: Readonly<Record<string, number>>;
}
const expected = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures/imaging/real-ct.json'), 'utf8'),
) as Expected;

/** Side of a CT that shows little more than the aortic root, mm. */
const SMALL_MM = 66;

const file = (name: string) => readFileSync(join(FOLDER, `${name}.nii.gz`));
const ct = () => readNifti(file('ct_cropped'));

onRealCt('readNifti reads a real CT like nibabel', () => {
  const volume = ct();
  expect(volume.shape).toEqual(expected.shape);
  expect(volume.affine).toEqual(expected.affine);
  expect(orientationOf(volume.affine)).toBe(expected.orientation);
  expect(volume.data).toBeInstanceOf(Int16Array);
  const [nx, ny] = volume.shape;
  for (const [x, y, z, value] of expected.voxels) expect(volume.data[x + nx * (y + ny * z)]).toBe(value);
  expect((volume.data as Int16Array).reduce((sum, value) => sum + value, 0)).toBe(expected.sum);
});

onRealCt('its masks have its grid and the number of voxels that nibabel counts', () => {
  const { shape, affine } = ct();
  for (const [name, voxels] of Object.entries(expected.masks)) {
    const mask = readNifti(file(name));
    expect(mask).toMatchObject({ shape, affine });
    expect(mask.data.filter((value: number) => value === 1)).toHaveLength(voxels);
  }
});

onRealCt('reorienting to RAS and back, and writing and reading, keep every byte', () => {
  const volume = ct();
  const back = reorient(reorient(volume, 'RAS'), 'LPS');
  expect(back.affine).toEqual(volume.affine);
  expect(bytesOf(back.data).equals(bytesOf(volume.data))).toBe(true);
  const again = readNifti(writeNifti(volume));
  expect(again.affine).toEqual(volume.affine);
  expect(bytesOf(again.data).equals(bytesOf(volume.data))).toBe(true);
});

onRealCt('resampling to 3 mm keeps its position and mean', () => {
  const volume = ct();
  const grid = isotropicGrid(volume, 3);
  const coarse = resample(volume, grid, 'linear', -1000);
  expect(orientationOf(coarse.affine)).toBe('RAS');
  expect(spacingOf(coarse.affine)).toEqual([3, 3, 3]);
  centreOf(coarse).forEach((value, axis) => {
    expect(value).toBeCloseTo(centreOf(volume)[axis] as number, 6);
  });
  expect(contains(volume, centreOf(coarse))).toBe(true);
  // 3 mm are two voxels. Every source voxel counts once, so the mean is equal except for float32 rounding.
  const mean = coarse.data.reduce((sum, value) => sum + value, 0) / coarse.data.length;
  expect(mean).toBeCloseTo(expected.sum / volume.data.length, 2);
});

onRealCt('a small heart crop contains the annulus and the sinotubular junction', () => {
  const volume = ct();
  const crop = cropToHeart(volume, isotropicGrid(volume, 1), 128);
  expect(crop.shape).toEqual([128, 128, 128]);
  for (const name of ['annulus_proper', 'sinotubular_junction']) {
    const [whole, kept] = [isotropicGrid(volume, 1), crop].map((grid) =>
      resample(readNifti(file(name)), grid, 'linear', 0).data.reduce((sum, share) => sum + share, 0),
    );
    expect(kept).toBeGreaterThan(300);
    expect(kept).toBeCloseTo(whole as number, 2);
  }
});

/** Real CTs in which no heart can be located: without contrast in its chambers, cut off, or of something else. */
const WITHOUT_HEART = [
  'real-ct/example_ct_sm',
  'public-ct/crlm-ct-1006-half',
  'public-ct/dicom-numpy-missing-slices-quarter',
  'public-ct/lidc-idri-0003',
  'public-ct/niivue-CT_pitch',
  'public-ct/totalseg-example_ct',
];
const dataFile = (name: string) => join(FOLDER, '..', `${name}.nii.gz`);
const onPublicCt = test.skipIf(!existsSync(dataFile('public-ct/totalseg-heart')));

onPublicCt('the centre of the heart is within 35 mm of the centre of its mask, however the CT is sampled', () => {
  const mask = readNifti(readFileSync(dataFile('public-ct/totalseg-heart')));
  const [heart] = landmarksOfClassMap(mask, 1);

  for (const { name, ct: variant } of variantsOf(ct())) {
    printMargin('real-ct/ct_cropped', name, variant);
    const found = heartCentre(variant);
    expect(found, name).not.toBeNull();
    expect(distance(found as Vec3, heart?.position as Vec3), name).toBeLessThan(35);
  }
});

onPublicCt('a crop of 200 mm contains the whole heart', () => {
  const volume = ct();
  const crop = cropToHeart(volume, isotropicGrid(volume, 2), 200);
  const mask = readNifti(readFileSync(dataFile('public-ct/totalseg-heart')));

  expect(crop.shape[2]).toBe(100);
  expect(reachesBeyond({ kind: 'mask', mask: { ...mask, data: Uint8Array.from(mask.data) } }, crop)).toBe(false);
});

describe.each(WITHOUT_HEART)('%s', (name) => {
  test.skipIf(!existsSync(dataFile(name)))(
    'is not cropped, however it is sampled',
    () => {
      const volume = readNifti(readFileSync(dataFile(name)));
      for (const { name: variant, ct } of variantsOf(volume)) {
        printMargin(name, variant, ct);
        expect(heartCentre(ct), variant).toBeNull();
      }
    },
    300_000,
  );
});

const SCANS = [
  'real-ct/ct_cropped',
  'real-ct/example_ct_sm',
  'public-ct/crlm-ct-1006-half',
  'public-ct/totalseg-example_ct',
];

onPublicCt(
  'crops and resamplings of one scan are suspected, different scans are not, even at one place',
  () => {
    const scans = SCANS.map((name) => readNifti(readFileSync(dataFile(name))));
    const itself = SCANS.map((_, i) => [i, i]);

    for (const share of [1, 0.9, 0.7, 0.5]) {
      for (const axis of [0, 1, 2] as const) {
        const parts = scans.map((scan) => part(scan, share, axis));
        expect(suspectedPairs(scans, parts)).toEqual(itself);
      }
    }
    const resampled = scans.map((scan) => reorient(resample(scan, isotropicGrid(scan, 3), 'linear', -1000), 'PIR'));
    expect(suspectedPairs(scans, resampled)).toEqual(itself);
    const together = scans.map(centred);
    expect(suspectedPairs(together, together)).toEqual(itself);
  },
  300_000,
);

/** The figures of decision 024: FEDCARDIO_MARGINS=1 npx vitest run test/real-ct.test.ts */
function printMargin(file: string, variant: string, ct: Volume): void {
  if (!process.env.FEDCARDIO_MARGINS) return;
  const found = heartEvidence(ct);
  const figures = found && [found.bloodMl, found.lungMl, found.share].map((value) => value.toFixed(2));
  console.info(`margin | ${file} | ${variant} | ${figures?.join(' | ') ?? 'none'} |`);
}

onRealCt('intake catalogs it despite its NaN slope, and rejects its aorta as an unknown label', async () => {
  const store: SiteStore = createMemoryStorage()('tavi-site-berlin');
  const context = { store, site: 'berlin', tasks: DEFAULT_TASKS, now: () => new Date(0) };
  await store.put(siteKeys.image('training', 'real'), file('ct_cropped'));
  await store.put(siteKeys.label('training', 'real', 'calcification'), file('annulus_proper'));
  await store.put(siteKeys.ofEvent('cases/real/labels/aorta.nii.gz'), file('aorta'));

  const { entry, faults } = await intakeCase(context, 'real');

  expect(entry?.value?.case).toBe('real');
  expect(faults.map(({ reason }) => reason)).toEqual(['There is no task "aorta".']);
  const { body } = await store.get(siteKeys.catalog('real'));
  expect(catalogSchema.parse(JSON.parse(Buffer.from(body).toString()))).toMatchObject({
    image: { shape: expected.shape, affine: expected.affine, orientation: 'LPS', range: expected.range },
    labels: { calcification: { classes: { 1: expected.masks.annulus_proper } } },
  });
});

describe.skipIf(!present)('a campaign with the real CT', () => {
  let local: LocalFederation;
  const tasks = ['hinge-points', 'calcification'] as const;
  const campaign: CampaignInput = {
    schema: 'fedcardio.campaign/1',
    id: 'real',
    seed: 3,
    stages: [
      ...tasks.map((task) => teacher(task, 1)),
      pseudoLabels(tasks),
      student('student', tasks, 1, 'pseudo-label'),
      { kind: 'evaluate', name: 'evaluate', models: { student: 'student' }, predictions: 'student' },
    ],
  };

  beforeAll(async () => {
    local = await startLocalFederation({ sites: ['bonn', 'kiel'] });
    const [bonn, kiel] = ['bonn', 'kiel'].map(local.siteStore) as [SiteStore, SiteStore];
    // At least one site needs a label to train on.
    const labelled = { site: 'bonn', id: 'phantom', use: 'training', labels: tasks } as const;
    await uploadToyCase(bonn, labelled, 1);
    await bonn.put(siteKeys.image('training', 'real'), file('ct_cropped'));
    await kiel.put(siteKeys.image('evaluation', 'real'), file('ct_cropped'));
    const small = { site: 'kiel', id: 'small', use: 'evaluation', labels: tasks } as const;
    await uploadToyCase(kiel, small, 2, SMALL_MM);
    await local.idle();
    expect(await local.run(campaign)).toMatchObject({ status: 'completed' });
  }, 240_000);
  afterAll(() => local.close());

  const volumeAt = async (site: string, key: SiteKey) => readNifti((await local.siteStore(site).get(key)).body);

  test('catalogs it on its event', async () => {
    for (const [site, use] of [
      ['bonn', 'training'],
      ['kiel', 'evaluation'],
    ] as const) {
      const { value } = await readJson(local.siteStore(site), siteKeys.catalog('real'), catalogSchema);
      const { shape, affine, orientation, range } = expected;
      expect(value).toMatchObject({ use, labels: {}, image: { shape, affine, orientation, range } });
    }
  });

  test.each(tasks)('writes a pseudo-label of %s on its grid', async (task) => {
    const labelled = await volumeAt(
      'bonn',
      siteKeys.pseudoLabel({ campaign: campaign.id, stage: 'pseudo-label' }, task, 'real'),
    );
    expect(labelled).toMatchObject({ shape: expected.shape, affine: expected.affine });
    expectClasses(labelled, task);
    const key = siteKeys.pseudoLabelReport({ campaign: campaign.id, stage: 'pseudo-label' }, task, 'real');
    const { value } = await readJson(local.siteStore('bonn'), key, pseudoLabelReportSchema);
    // A voxel has a class that is more likely than every other, so its probability is at least an equal share.
    const least = labelled.data.some((voxel: number) => voxel > 0) ? 1 / channelsOf(TASKS[task]) : 0;
    expect(value).toMatchObject({ accepted: true, confidence: expect.any(Number) });
    expect(value.confidence).toBeGreaterThanOrEqual(least);
  });

  test('trains the student on it and the labelled case', async () => {
    const at = { campaign: campaign.id, stage: 'student', round: 1 };
    const { value } = await readJson(local.federationStore, federationKeys.commit(at), commitSchema);
    expect(value).toMatchObject({ sites: ['bonn'], samples: 2 });
  });

  test.each(tasks)('predicts %s on its grid, which is larger than a window and not a multiple of it', async (task) => {
    const sides = isotropicGrid(ct(), training.spacing).shape;
    for (const side of sides) expect(side).toBeGreaterThan(training.patch);
    expect(sides.some((side) => side % training.patch !== 0)).toBe(true);
    const found = await volumeAt('kiel', siteKeys.prediction(campaign.id, 'student', task, 'real'));
    expect(found).toMatchObject({ shape: expected.shape, affine: expected.affine });
    expectClasses(found, task);
  });

  test.each(tasks)('predicts %s in a CT that is smaller than a window', async (task) => {
    const image = await volumeAt('kiel', siteKeys.image('evaluation', 'small'));
    const sides = isotropicGrid(image, training.spacing).shape;
    for (const side of sides) expect(side).toBeLessThan(training.patch);
    const found = await volumeAt('kiel', siteKeys.prediction(campaign.id, 'student', task, 'small'));
    expect(found).toMatchObject({ shape: image.shape, affine: image.affine });
    expectClasses(found, task);
  });

  function expectClasses({ data }: Volume, task: DefaultTaskId): void {
    const found = new Set<number>(data as Uint8Array);
    for (const value of found) expect(value).toBeLessThanOrEqual(TASKS[task].classes.length);
  }
});

onRealCt('readNifti reads a CT with another orientation', () => {
  const abdomen = readNifti(file('example_ct_sm'));
  expect(abdomen.shape).toEqual([122, 101, 30]);
  expect(orientationOf(abdomen.affine)).toBe('RAS');
});

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
