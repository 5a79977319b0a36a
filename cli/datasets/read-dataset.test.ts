import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DEFAULT_TASKS } from '../../lib/federation/tasks.ts';
import { labelledTasks } from './dataset.ts';
import { readDataset } from './read-dataset.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fedcardio-dataset-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** Writes empty files; the layout alone is read. */
function write(...names: readonly string[]): void {
  for (const name of names) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), '');
  }
}
const read = () => readDataset(root, DEFAULT_TASKS);
const outline = () => read().cases.map((one) => `${one.use} ${one.id}: ${labelledTasks(one).join(' ')}`);

describe('folders of cases', () => {
  test('may lie flat, all for training', () => {
    write('p2/image.nii', 'p1/image.nii.gz', 'p1/labels/calcification.nii.gz', 'p1/labels/hinge-points.mrk.json');

    expect(outline()).toEqual(['training p1: calcification hinge-points', 'training p2: ']);
  });

  test('may lie as in a bucket', () => {
    write('cases/p1/image.nii.gz', 'held-out/h1/image.nii.gz', 'held-out/h1/labels/calcification.nii.gz');

    expect(outline()).toEqual(['training p1: ', 'evaluation h1: calcification']);
  });

  test('beside those held out are for training, and other folders of a bucket are none', () => {
    write('k1/image.nii.gz', 'held-out/h1/image.nii.gz', 'catalog/h1.json', 'predictions/c/m/h1/calcification.nii.gz');

    expect(outline()).toEqual(['training k1: ', 'evaluation h1: ']);
  });

  test('keep every file but those of operating systems, for intake to judge', () => {
    write('p1/image.nii.gz', 'p1/.DS_Store', 'p1/._image.nii.gz', 'p1/notes.txt', 'p1/labels/valve.nrrd');

    expect(read().cases.flatMap(({ files }) => files.map(({ name }) => name))).toEqual([
      'image.nii.gz',
      'labels/valve.nrrd',
      'notes.txt',
    ]);
  });

  test('may be links', () => {
    write('store/image.nii.gz');
    mkdirSync(join(root, 'site'));
    symlinkSync(join(root, 'store'), join(root, 'site', 'p1'));

    expect(readDataset(join(root, 'site'), DEFAULT_TASKS).cases).toHaveLength(1);
  });

  test.each([
    [[], 'it is empty'],
    [['a.dcm', 'b.dcm', 'c.dcm', 'd.dcm'], 'it has a.dcm, b.dcm, c.dcm and 1 more'],
    [['p1/ct.nii.gz'], 'it has p1'],
  ])('are refused when they hold %j', (names, reason) => {
    write(...names);

    expect(read).toThrow(`${root} holds no CT: ${reason}.`);
  });

  test('are refused when there is no folder', () => {
    write('file');

    for (const name of ['nowhere', 'file']) {
      expect(() => readDataset(join(root, name), DEFAULT_TASKS)).toThrow(`There is no folder ${join(root, name)}.`);
    }
  });
});

describe('a data set of nnU-Net', () => {
  const describeDataset = (value: object) => writeFileSync(join(root, 'dataset.json'), JSON.stringify(value));
  const VERSION_2 = {
    channel_names: { 0: 'CT' },
    labels: { background: 0, aorta: 1, 'Left Atrium': 2 },
    numTraining: 2,
    file_ending: '.nii.gz',
    name: 'Heart Chambers',
  };

  test('has a new task named after it, with held-out cases of labelsTs', () => {
    write('imagesTr/a_0000.nii.gz', 'imagesTr/b_0000.nii.gz', 'labelsTr/a.nii.gz');
    write('imagesTs/c_0000.nii.gz', 'imagesTs/d_0000.nii.gz', 'labelsTs/c.nii.gz');
    describeDataset(VERSION_2);

    expect(read().tasks).toEqual([
      { id: 'heart-chambers', kind: 'segmentation', title: 'Heart Chambers', classes: ['aorta', 'left-atrium'] },
    ]);
    expect(outline()).toEqual([
      'training a: heart-chambers',
      'training b: ',
      'evaluation c: heart-chambers',
      'training d: ',
    ]);
  });

  test('has the known task of the same classes, also in the layout of version 1', () => {
    write('imagesTr/a_0000.nii.gz', 'labelsTr/a.nii.gz');
    describeDataset({ name: 'Valve', modality: { 0: 'CT' }, labels: { 0: 'background', 1: 'Calcium' } });

    expect(read().tasks).toEqual([]);
    expect(outline()).toEqual(['training a: calcification']);
  });

  test('takes its name from the folder if it has none', () => {
    write('Dataset042_Aorta/imagesTr/a_0000.nii.gz');
    const dir = join(root, 'Dataset042_Aorta');
    writeFileSync(join(dir, 'dataset.json'), JSON.stringify({ ...VERSION_2, name: undefined }));

    expect(readDataset(dir, DEFAULT_TASKS).tasks).toMatchObject([{ id: 'aorta', title: 'Aorta' }]);
  });

  test.each([
    [{ ...VERSION_2, channel_names: { 0: 'T1', 1: 'T2' } }, '2 channels'],
    [{ ...VERSION_2, file_ending: '.nrrd' }, '".nrrd"'],
    [{ ...VERSION_2, labels: { background: 0, whole: [1, 2] } }, '"whole" is a region'],
    [{ ...VERSION_2, labels: { background: 0, aorta: 2 } }, 'without a gap'],
    [{ ...VERSION_2, labels: { background: 0 } }, 'without a gap'],
    [{ ...VERSION_2, labels: { background: 0, 'l.v.': 1, 'l v': 2 } }, 'two classes have the same name'],
    [{ ...VERSION_2, name: 'Calcification' }, 'stands for the task "calcification"'],
    [{ ...VERSION_2, name: 'constructor' }, 'reserved'],
    [{ ...VERSION_2, labels: undefined }, 'labels'],
  ])('is refused for %j', (value, reason) => {
    write('imagesTr/a_0000.nii.gz');
    describeDataset(value);

    expect(read).toThrow(reason);
  });

  test('is refused without images', () => {
    describeDataset(VERSION_2);

    expect(read).toThrow('There is no imagesTr/<case>_0000.nii.gz beside it.');
  });
});
