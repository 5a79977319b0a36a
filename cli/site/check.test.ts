import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { DEFAULT_TASKS, TASKS } from '../../lib/federation/tasks.ts';
import { writeMarkups } from '../../lib/imaging/markups.ts';
import { calcium, hingeMap, hingeMarkups, image, PNG, POINTS, testSite } from '../../lib/intake/testing.ts';
import { runCommand } from '../testing.ts';
import { checkText } from './check.ts';
import { checkFolder } from './check-folder.ts';
import type { CheckedCase } from './checked-case.ts';
import { readSiteFolder } from './site-folder.ts';
import { useFolder } from './testing-folder.ts';

const { root, write } = useFolder();
const check = () => checkFolder(readSiteFolder(root(), DEFAULT_TASKS), { tasks: DEFAULT_TASKS });
const only = async (name: string) => (await check()).find((one) => one.case === name) as CheckedCase;

/** A DICOM file, as far as a reader looks that tells formats. */
const DICOM = Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), Buffer.alloc(400)]);
/** A CT with a text in a field of its header. */
const withHeader = (at: number, text: string) => {
  const bytes = Buffer.from(gunzipSync(image(7)));
  bytes.write(text, at, 'latin1');
  return gzipSync(bytes);
};

describe('site check', () => {
  test('finds what intake finds in the same files', async () => {
    const files = {
      'p1/image.nii.gz': image(1),
      'p1/labels/hinge-points.nii.gz': hingeMap(),
      'p2/image.nii.gz': image(1),
      'p3/image.nii.gz': PNG,
      'p4/image.nii.gz': image(4),
      'p4/labels/calcificaton.nii.gz': calcium(),
      'p5/image.nii': gunzipSync(image(5)).subarray(0, 900),
      'p6/notes.txt': 'x',
      'Mueller^Hans/image.nii.gz': image(6),
    };
    write(files);
    const site = testSite();
    for (const [name, body] of Object.entries(files)) await site.put(`cases/${name}`, body);
    await site.rescan();

    const cases = await check();

    for (const { case: id, accepted, faults } of cases) {
      const rejected = (await site.rejected(id))?.objects ?? [];
      if (id !== 'p1' && id !== 'p2') {
        expect(
          faults.map(({ code, reason }) => [code, reason]),
          id,
        ).toEqual(rejected.map((one) => [one.code, one.reason]));
        expect(accepted, id).toBe((await site.catalog(id)) !== undefined);
      }
    }
    // Which of two equal volumes is first depends on the order of reading.
    expect(
      cases
        .filter((one) => /^p[12]$/.test(one.case))
        .map((one) => one.accepted)
        .sort(),
    ).toEqual([false, true]);
    expect(cases.map((one) => one.case)).toEqual(['Mueller^Hans', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6']);
  });

  test('warns of a patient on both sides, whom the names of site import tell', async () => {
    write({
      'cases/p00000000000a-00000001/image.nii.gz': image(1),
      'held-out/p00000000000a-00000002/image.nii.gz': image(2),
      'cases/p00000000000b-00000001/image.nii.gz': image(3),
    });

    const cases = await check();

    expect(cases.map(({ accepted, warnings }) => [accepted, warnings.map(({ code }) => code)])).toEqual([
      [true, ['SAME_PATIENT']],
      [true, ['SAME_PATIENT']],
      [true, []],
    ]);
  });

  test('refuses a label whose CT lies on the other side, and not the case', async () => {
    write({ 'held-out/p7/image.nii.gz': image(), 'cases/p7/labels/calcification.nii.gz': calcium() });

    expect(await check()).toMatchObject([
      {
        case: 'p7',
        accepted: true,
        faults: [
          {
            file: 'cases/p7/labels/calcification.nii.gz',
            reason: 'This label lies in cases/, its CT in held-out/, so it is not used.',
          },
        ],
      },
    ]);
  });

  test.each([
    ['cases/p1', 'no model learns hinge-points from this case'],
    ['held-out/p1', 'the case is scored by its other points'],
  ])('warns of missing points in %s', async (folder, effect) => {
    const points = POINTS.map((point) => (point.label === 4 ? { ...point, position: null } : point));
    write({
      [`${folder}/image.nii.gz`]: image(),
      [`${folder}/labels/hinge-points.mrk.json`]: writeMarkups(points, TASKS['hinge-points'].classes),
    });

    const { accepted, faults, warnings } = await only('p1');

    expect([accepted, faults]).toEqual([true, []]);
    expect(warnings).toMatchObject([
      {
        file: `${folder}/labels/hinge-points.mrk.json`,
        code: 'INCOMPLETE_LABEL',
        reason: `It has 4 of 5 points, without ostium-right: ${effect}.`,
      },
    ]);
  });

  test('says that DICOM must be imported, wherever it lies', async () => {
    write({
      IM0001: DICOM,
      IM0002: DICOM,
      'p1/image.nii.gz': DICOM,
      'p2/slices/1.dcm': DICOM,
      'p2/slices/2.dcm': DICOM,
      'p3/image.nii.gz': image(),
      'README.txt': 'about',
    });

    const cases = await check();

    const hints = (name: string) => cases.find((one) => one.case === name)?.faults.map(({ hint }) => hint);
    const wanted = [expect.stringContaining(`npx fedcardio site import ${root()} --out CASES`)];
    expect(hints('.')).toEqual(wanted);
    expect(hints('p1')).toEqual(wanted);
    expect(hints('p2')).toEqual(wanted);
    expect(hints('p3')).toEqual([]);
    expect(cases[0]?.warnings.map(({ file }) => file)).toEqual(['README.txt']);
  });

  test.each([
    [148, 'Mueller^Hans', 'descrip'],
    [148, 'CT of Hans Mueller', 'descrip'],
    [228, 'PatName=Doe', 'aux_file'],
    [328, 'born 19550312', 'intent_name'],
  ])('warns of a name in the header at byte %i: %s', async (at, text, field) => {
    write({ 'p1/image.nii.gz': withHeader(at, text) });

    const { accepted, warnings } = await only('p1');

    expect(accepted).toBe(true);
    expect(warnings).toMatchObject([{ file: 'p1/image.nii.gz', code: 'HEADER_TEXT' }]);
    expect(warnings[0]?.reason).toContain(field);
    expect(JSON.stringify(warnings)).not.toMatch(/Mueller|Doe/);
  });

  test.each(['TE=2.3;Time=101010.000;phase=1', 'FSL5.0', 'Siemens Healthcare', '3D Slicer', 'fedcardio 0.1.0'])(
    'does not mind the header text %s',
    async (text) => {
      write({ 'p1/image.nii.gz': withHeader(148, text) });

      expect((await only('p1')).warnings).toEqual([]);
    },
  );

  test.each([
    ['description', 'Mustermann Erika'],
    ['description', 'Pat. M., geb. 12.03.1955'],
    ['associatedNodeID', 'Doe^John'],
    ['label', 'ERIKA MUSTERMANN'],
  ])('warns of a name in the text %s of a point: %s', async (field, text) => {
    const file = JSON.parse(hingeMarkups());
    // Not placed: the label of a placed point is refused.
    file.markups[0].controlPoints.push({ label: 'F-6', positionStatus: 'missing', [field]: text });
    write({ 'p1/image.nii.gz': image(7), 'p1/labels/hinge-points.mrk.json': `\uFEFF${JSON.stringify(file)}` });

    const { faults, warnings } = await only('p1');

    expect(faults).toEqual([]);
    expect(warnings).toMatchObject([{ file: 'p1/labels/hinge-points.mrk.json', code: 'POINT_TEXT' }]);
    expect(warnings[0]?.reason).toContain(`"${field}"`);
    expect(JSON.stringify(warnings)).not.toMatch(/muster|doe/i);
  });

  test.each(['CT of the annulus', 'vtkMRMLScalarVolumeNode1', 'Fiducial'])(
    'does not mind %s at a point',
    async (text) => {
      const file = JSON.parse(hingeMarkups());
      Object.assign(file.markups[0].controlPoints[0], { description: text, associatedNodeID: text });
      write({ 'p1/image.nii.gz': image(7), 'p1/labels/hinge-points.mrk.json': JSON.stringify(file) });

      expect((await only('p1')).warnings).toEqual([]);
    },
  );

  test('knows the layout with held-out cases, and the name that is used twice', async () => {
    write({
      'cases/p1/image.nii.gz': image(1),
      'held-out/p1/image.nii.gz': image(2),
      'cases/p2/labels/calcification.nii.gz': calcium(),
    });

    const cases = await check();

    expect(cases.map((one) => [one.case, one.accepted])).toEqual([
      ['p1', true],
      ['p2', false],
    ]);
    expect(cases[0]?.faults).toMatchObject([{ file: 'cases/p1/image.nii.gz', code: 'BAD_IMAGE' }]);
    expect(cases[1]?.warnings).toMatchObject([{ file: 'p2', code: 'NO_IMAGE' }]);
  });

  test('prints a line for each finding, a sentence, and exits with 1', async () => {
    write({
      'p1/image.nii.gz': image(),
      'p1/labels/hinge-points.mrk.json': hingeMarkups(),
      'Doe_John/image.nii.gz': PNG,
    });

    const text = await runCommand(['site', 'check', root()]);
    const json = await runCommand(['site', 'check', root(), '--json']);

    expect(text.code).toBe(1);
    expect(text.stdout.split('\n')).toMatchObject([
      expect.stringMatching(/^refused {2}Doe_John\/image\.nii\.gz: The case's name looks like a person's name\. /),
      '',
      '1 of 2 cases would be accepted.',
      '',
    ]);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toEqual({
      schema: 'fedcardio.site-check/1',
      cases: [
        {
          case: 'Doe_John',
          accepted: false,
          faults: [
            { file: 'Doe_John/image.nii.gz', code: 'BAD_KEY', reason: expect.any(String), hint: expect.any(String) },
          ],
          warnings: [],
        },
        { case: 'p1', accepted: true, faults: [], warnings: [] },
      ],
    });
  });

  test('reads the tasks of a federation.json', async () => {
    write({ 'c/p1/image.nii.gz': image(), 'c/p1/labels/valve.nii.gz': calcium(), 'c/p2/image.nii.gz': image(2) });
    const tasks = [{ id: 'valve', kind: 'segmentation', title: 'Valve', classes: ['leaflet'] }];
    const sites = [{ id: 'bonn', name: 'Bonn' }];
    write({ 'federation.json': JSON.stringify({ schema: 'fedcardio.federation/1', id: 'heart', tasks, sites }) });
    write({ 'tasks.json': JSON.stringify({ schema: 'fedcardio.tasks/1', tasks }) });
    const run = async (...more: readonly string[]) =>
      (await runCommand(['site', 'check', `${root()}/c`, ...more])).code;

    expect(await run()).toBe(1);
    expect(await run('--federation', `${root()}/federation.json`)).toBe(0);
    expect(await run('--federation', `${root()}/tasks.json`)).toBe(0);
  });

  test.each([
    ['a file that is no folder', 'nowhere', 'There is no folder'],
    ['the folder of one case', 'p1', 'is the folder of one case'],
    ['an empty folder', 'empty', 'holds no files'],
  ])('refuses %s', async (_, name, message) => {
    write({ 'p1/image.nii.gz': image(), 'empty/.DS_Store': '' });

    const { code, stderr } = await runCommand(['site', 'check', `${root()}/${name}`]);

    expect(code).toBe(1);
    expect(stderr).toContain(message);
  });

  test('shows no control characters of file names', () => {
    const finding = { file: 'p1/\u001b[2J', code: 'BAD_KEY', reason: 'It is bad.', hint: '' };

    expect(checkText([{ case: 'p1', accepted: false, faults: [finding], warnings: [] }])).not.toContain('\u001b');
  });
});
