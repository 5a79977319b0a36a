import { describe, expect, test } from 'vitest';
import { siteKeys } from '../federation/keys.ts';
import { DEFAULT_TASKS } from '../federation/tasks.ts';
import { classifyFiles } from './files.ts';

const objects = (...keys: readonly string[]) =>
  keys.map((key) => ({ key: siteKeys.ofEvent(key), etag: '"1"', bytes: 1000, lastModified: new Date(0) }));
const infos = (...names: readonly string[]) => objects(...names.map((name) => `cases/p7/${name}`));
const faultsOf = (...names: readonly string[]) => classifyFiles(infos(...names), DEFAULT_TASKS).faults;
const slices = (count: number, nameOf: (number: string) => string) =>
  Array.from({ length: count }, (_, i) => nameOf(String(i + 1).padStart(4, '0')));

describe('files of one foreign format are one fault, which names format, number and way out', () => {
  test.each([
    ['slices', slices(275, (n) => `${n}.dcm`), /^These 275 files \(0001\.dcm to 0275\.dcm.*: they are DICOM files\.$/],
    ['slices in a folder', slices(275, (n) => `DICOM/${n}.dcm`), /^These 275 files \(DICOM\/0001\.dcm to/],
    [
      'names without an extension',
      slices(275, (n) => `IM${n}`),
      /275 files.*without an extension, as DICOM slices are/,
    ],
    ['UIDs', slices(80, (n) => `1.2.840.113619.2.${Number(n)}`), /80 files.*without an extension, as DICOM slices are/],
    ['one slice', ['slice.dcm'], /^This file is not expected in a case: it is a DICOM file\.$/],
  ])('%s', (_what, names, reason) => {
    const [fault, ...more] = faultsOf(...names);
    expect(more).toEqual([]);
    expect(fault).toMatchObject({
      key: `cases/p7/${names[0]}`,
      code: 'BAD_IMAGE',
      reason: expect.stringMatching(reason),
      hint: expect.stringMatching(/dcm2niix/),
    });
  });

  test('does not depend on the order of the objects', () => {
    const names = slices(20, (n) => `${n}.dcm`);
    expect(faultsOf(...names.toReversed())).toEqual(faultsOf(...names));
  });

  test('has one fault for each format, beside a good image', () => {
    const { image, faults } = classifyFiles(
      infos('image.nii.gz', 'series.zip', '1.dcm', '2.dcm', 'image.nrrd', 'image.mha', 'notes.txt', 'more.txt'),
      DEFAULT_TASKS,
    );
    expect(image?.key).toBe('cases/p7/image.nii.gz');
    expect(faults.map(({ key, code }) => `${key} ${code}`).sort()).toEqual([
      'cases/p7/1.dcm BAD_IMAGE',
      'cases/p7/image.mha BAD_IMAGE',
      'cases/p7/image.nrrd BAD_IMAGE',
      'cases/p7/more.txt BAD_KEY',
      'cases/p7/series.zip BAD_IMAGE',
    ]);
  });

  test('tells what to do with a label', () => {
    const faults = faultsOf('labels/calcification.dcm', 'labels/hinge-points.fcsv', 'labels/arch.nii.gz');
    expect(faults.map(({ code }) => code)).toEqual(['BAD_LABEL', 'BAD_LABEL', 'BAD_LABEL']);
    expect(faults[0]?.hint).toMatch(/Export the segmentation/);
    expect(faults[1]?.hint).toMatch(/\.mrk\.json/);
    expect(faults[2]?.reason).toMatch(/no task "arch"/);
  });
});

describe('a label whose CT lies on the other side', () => {
  const label = 'p7/labels/calcification.nii.gz';

  test.each([
    ['cases', 'held-out'],
    ['held-out', 'cases'],
  ])('in %s/, its CT in %s/, is a fault that names both places', (own, other) => {
    const { image, labels, faults } = classifyFiles(objects(`${own}/${label}`, `${other}/p7/image.nii`), DEFAULT_TASKS);

    expect([image?.key, labels]).toEqual([`${other}/p7/image.nii`, []]);
    expect(faults).toEqual([
      {
        key: `${own}/${label}`,
        code: 'BAD_LABEL',
        reason: `This label lies in ${own}/, its CT in ${other}/, so it is not used.`,
        hint: `Put it beside the CT, as ${other}/${label}. If it is stored, take it back from ${own}/: site withdraw with --file ${own}/${label}.`,
      },
    ]);
  });

  test('has no fault before there is a CT, and none beside that of a CT on its own side', () => {
    const both = objects(`cases/${label}`, 'cases/p7/image.nii', 'held-out/p7/image.nii');

    expect(classifyFiles(objects(`cases/${label}`, `held-out/${label}`), DEFAULT_TASKS).faults).toEqual([]);
    expect(classifyFiles(both, DEFAULT_TASKS).faults.map(({ key }) => key)).toEqual(['cases/p7/image.nii']);
  });
});

describe('a case with two images', () => {
  test('uses the compressed one of its folder, and has a fault for the other', () => {
    const { use, image, faults } = classifyFiles(infos('image.nii', 'image.nii.gz'), DEFAULT_TASKS);

    expect([use, image?.key]).toEqual(['training', 'cases/p7/image.nii.gz']);
    expect(faults).toEqual([
      {
        key: 'cases/p7/image.nii',
        code: 'BAD_IMAGE',
        reason: 'The case has a second image; cases/p7/image.nii.gz is used.',
        hint: 'Remove one of the two.',
      },
    ]);
  });

  test('uses the held-out one, and has a fault for that of training', () => {
    const both = objects('cases/p7/image.nii.gz', 'held-out/p7/image.nii');
    const { use, image, faults } = classifyFiles(both, DEFAULT_TASKS);

    expect([use, image?.key]).toEqual(['evaluation', 'held-out/p7/image.nii']);
    expect(faults).toEqual([
      {
        key: 'cases/p7/image.nii.gz',
        code: 'BAD_IMAGE',
        reason: 'A training case and a held-out case have the same name; the held-out image is used.',
        hint: expect.stringContaining('site withdraw with --use'),
      },
    ]);
  });
});

test('labels come with their tasks, points in front of class maps', () => {
  const names = ['labels/calcification.nii.gz', 'labels/hinge-points.mrk.json', 'labels/membranous-septum.nii'];
  for (const order of [names, names.toReversed()]) {
    const { labels, faults } = classifyFiles(infos('image.nii', ...order), DEFAULT_TASKS);
    expect(faults).toEqual([]);
    expect(labels.map(({ task, format }) => `${task.id} ${format}`)[0]).toBe('hinge-points markups');
    expect(labels.map(({ info }) => info.key).sort()).toEqual(names.map((name) => `cases/p7/${name}`));
  }
});

test('a case without an image is one to train on', () => {
  expect(classifyFiles([], DEFAULT_TASKS)).toEqual({ use: 'training', labels: [], faults: [] });
});

test.each([
  ['labels/calcifications.nii.gz', /^Did you mean "calcification"\? Name the file after one of hinge-points, /],
  ['labels/arch.mrk.json', /^Name the file after one of hinge-points, /],
  ['notes.txt', /labels\/<task>\.mrk\.json; tasks are hinge-points, /],
])('the hint for %s names the tasks, and the one that is meant', (name, hint) => {
  expect(faultsOf(name)).toMatchObject([{ hint: expect.stringMatching(hint) }]);
});

test('labels of two unknown tasks are two faults, other files below labels/ none of a task', () => {
  expect(faultsOf('labels/arch.nii', 'labels/root.nii').map(({ reason }) => reason)).toEqual([
    'There is no task "arch".',
    'There is no task "root".',
  ]);
  expect(faultsOf('more/labels/arch.nii', 'labels/arch.nii.bak').map(({ reason }) => reason)).not.toContainEqual(
    expect.stringContaining('There is no task'),
  );
});
