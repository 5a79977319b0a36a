import { appendFileSync, existsSync, readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, test } from 'vitest';
import { collect } from '../../lib/async.ts';
import { createS3Client } from '../../lib/aws/clients.ts';
import { createObjectStorage } from '../../lib/aws/objects.ts';
import { siteAccess } from '../../lib/federation/access.ts';
import { siteKeys } from '../../lib/federation/keys.ts';
import { DEFAULT_TASKS, TASKS } from '../../lib/federation/tasks.ts';
import { names } from '../../lib/federation/topology.ts';
import { writeMarkups } from '../../lib/imaging/markups.ts';
import { calcium, image, PNG, POINTS, recordedBuckets, testSite } from '../../lib/intake/testing.ts';
import { enforceAccess } from '../../lib/storage/access-view.ts';
import { storesOf } from '../../lib/storage/stores.ts';
import { useServer } from '../../local/emulator/testing.ts';
import { runCommand } from '../testing.ts';
import { awaitVerdicts } from './await-verdicts.ts';
import { createStatesReader } from './read-states.ts';
import { readSiteFolder } from './site-folder.ts';
import { useFolder } from './testing-folder.ts';
import { type UploadFolderOptions, uploadFolder } from './upload-folder.ts';
import { openUploadRecord } from './upload-record.ts';
import { verdictCsv, verdictHtml, verdictRows } from './verdict-rows.ts';

const { root, write } = useFolder();

/** A site whose requests are recorded, with the access of the hospital's role. */
function uploader() {
  const { openBucket, calls } = recordedBuckets();
  const site = testSite(openBucket);
  const store = enforceAccess(site.store, siteAccess('berlin').upload.own);
  const upload = (more: Partial<UploadFolderOptions> = {}) =>
    uploadFolder(store, readSiteFolder(root(), DEFAULT_TASKS), {
      tasks: DEFAULT_TASKS,
      record: openUploadRecord(root()),
      parallel: 4,
      checks: true,
      uploadsRefused: false,
      signal: new AbortController().signal,
      waitOut: (work) => work(),
      wayBack: (id, use) => `withdraw ${id} of ${use}`,
      ...more,
    });
  const stored = async () => (await collect(site.store.list(siteKeys.ofEvent('')))).map(({ key }) => key as string);
  return { site, store, calls, upload, stored };
}

describe('an upload', () => {
  test('leaves out what intake would refuse, and names never leave', async () => {
    write({
      'p1/image.nii.gz': image(1),
      'p1/labels/calcification.nii.gz': calcium(),
      'p1/labels/wrong.nii.gz': calcium(),
      'p2/image.nii.gz': PNG,
      'p3/labels/calcification.nii.gz': calcium(),
      'p4/notes.txt': 'x',
      'Doe_John/image.nii.gz': image(5),
    });
    const { upload, stored } = uploader();

    const first = await upload();
    const keys = await stored();
    const forced = await upload({ uploadsRefused: true });
    const unchecked = await upload({ checks: false });

    expect(keys).toEqual([
      'cases/p1/image.nii.gz',
      'cases/p1/labels/calcification.nii.gz',
      'cases/p3/labels/calcification.nii.gz',
    ]);
    expect(first.refused.map((one) => one.case)).toEqual(['Doe_John', 'p1', 'p2', 'p4']);
    expect(forced.uploaded.files).toBe(2);
    expect(unchecked.uploaded.files).toBe(0);
    expect((await stored()).join()).not.toContain('Doe');
  });

  test('goes on where it was interrupted, and reads nothing twice', async () => {
    write(Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`p${i}/image.nii.gz`, image(i)])));
    const { upload, stored, calls } = uploader();
    const controller = new AbortController();
    const onProgress = ({ files }: { readonly files: number }) => files === 4 && controller.abort();

    await expect(upload({ parallel: 1, signal: controller.signal, onProgress })).rejects.toThrow(/abort/i);
    const before = await stored();
    appendFileSync(join(root(), '.fedcardio-upload.jsonl'), '{"incomplete');
    const second = await upload();
    calls.length = 0;
    const third = await upload();

    expect(before).toHaveLength(4);
    expect([second.uploaded.files, second.stored]).toEqual([5, 4]);
    expect([third.uploaded.files, third.stored]).toEqual([0, 9]);
    expect(calls).toEqual(['list cases/', 'list held-out/']);
  });

  test('compares contents if the record is lost, or a file was touched, and sends what has changed', async () => {
    write({ 'p1/image.nii.gz': image(1), 'p2/image.nii.gz': image(2), 'p3/image.nii.gz': image(3) });
    const { upload } = uploader();
    await upload();
    utimesSync(join(root(), 'p1/image.nii.gz'), 1, 1);
    write({ 'p2/image.nii.gz': image(22) });

    const touched = await upload();
    const lost = await upload({ record: { find: () => undefined, add: () => undefined } });

    expect([touched.uploaded.files, touched.stored]).toEqual([1, 2]);
    expect([lost.uploaded.files, lost.stored]).toEqual([0, 3]);
  });

  test.each([
    ['cases', 'held-out', 'training', 'for training'],
    ['held-out', 'cases', 'evaluation', 'as held out'],
  ])('from %s refuses a case that is stored, even in part, below %s', async (there, here, use, what) => {
    write({ [`${here}/p1/image.nii.gz`]: image(1), [`${here}/p2/image.nii.gz`]: image(2) });
    write({ [`${here}/p3/image.nii.gz`]: image(3) });
    const { upload, stored, site } = uploader();
    await site.put(`${there}/p1/image.nii.gz`, image(1));
    await site.put(`${there}/p3/labels/calcification.nii.gz`, calcium());

    const checked = await upload();
    const forced = await upload({ checks: false, uploadsRefused: true });
    await site.remove(`${there}/p1/image.nii.gz`);
    const moved = await upload();

    expect(checked.refused).toMatchObject([
      {
        case: 'p1',
        accepted: false,
        faults: [{ reason: `The case is uploaded ${what} already.`, hint: expect.stringContaining(`of ${use}`) }],
      },
      { case: 'p3' },
    ]);
    expect([...checked.cases]).toEqual(['p2']);
    expect([checked, forced, moved].map(({ uploaded, refused }) => [uploaded.files, refused.length])).toEqual([
      [1, 2],
      [0, 2],
      [1, 1],
    ]);
    expect(await stored()).toEqual(
      [`${there}/p3/labels/calcification.nii.gz`, `${here}/p1/image.nii.gz`, `${here}/p2/image.nii.gz`].sort(),
    );
  });

  test('sends a folder with a case on both sides as before, once and again', async () => {
    write({ 'cases/p1/image.nii.gz': image(1), 'cases/p1/labels/calcification.nii.gz': calcium() });
    write({ 'held-out/p1/image.nii.gz': image(2) });
    const { upload } = uploader();

    const first = await upload();
    const second = await upload();

    expect([first.uploaded.files, second.uploaded.files]).toEqual([2, 0]);
    expect([first, second].map(({ refused }) => refused.map((one) => [one.case, one.accepted]))).toEqual([
      [['p1', true]],
      [['p1', true]],
    ]);
  });

  test('warns of a patient whose other cases are stored on the other side', async () => {
    const [before, now, other] = ['p00000000000a-00000001', 'p00000000000a-00000002', 'p00000000000b-00000001'];
    write({ [`cases/${now}/image.nii.gz`]: image(2), [`cases/${other}/image.nii.gz`]: image(3) });
    const { upload, site } = uploader();
    await site.put(`held-out/${before}/image.nii.gz`, image(1));

    const [first, again] = [await upload(), await upload()];

    expect(first.warnings.map(({ file, code }) => [file, code])).toEqual([[now, 'SAME_PATIENT']]);
    expect([first.uploaded.files, again.warnings]).toEqual([2, []]);
  });

  test('of 600 cases asks for no case by itself', async () => {
    const cases = Array.from({ length: 600 }, (_, i) => `p${String(i).padStart(4, '0')}`);
    write(Object.fromEntries(cases.map((id) => [`${id}/image.nii.gz`, 'x'])));
    const { upload, calls, site } = uploader();

    const result = await upload({ checks: false });
    const puts = calls.filter((call) => call.startsWith('putParts')).length;
    const others = calls.filter((call) => !call.startsWith('putParts'));
    calls.length = 0;
    const reader = createStatesReader(site.store);
    await reader.read(result.cases);
    const looks = calls.length;

    expect([puts, others]).toEqual([600, ['list cases/', 'list held-out/']]);
    expect(looks).toBe(4);
  });
});

describe('verdicts', () => {
  test('are those of intake for the uploaded versions', async () => {
    write({
      'p1/image.nii.gz': image(1),
      'p1/labels/calcification.nii.gz': calcium(),
      'p2/image.nii.gz': image(1),
      'p3/image.nii.gz': image(3),
      'p3/labels/hinge-points.mrk.json': '{',
      'p4/labels/calcification.nii.gz': calcium(),
    });
    const { upload, site, store } = uploader();
    const { cases } = await upload({ checks: false });
    const looks: number[] = [];

    const states = await awaitVerdicts(createStatesReader(store), {
      cases,
      patienceSeconds: 60,
      signal: new AbortController().signal,
      onLook: (decided) => looks.push(decided),
      sleep: async () => void (await site.rescan()),
    });

    const byCase = Object.fromEntries(states.map((one) => [one.case, one.verdict]));
    expect([byCase.p1, byCase.p2].sort()).toEqual(['accepted', 'rejected']);
    expect(byCase).toMatchObject({ p3: 'partly accepted', p4: 'waiting' });
    expect(looks[0]).toBe(1);
  });

  test('are pending if intake does not answer, and an old rejection is none at once', async () => {
    write({ 'p1/image.nii.gz': PNG });
    const { upload, site, store } = uploader();
    await upload({ checks: false });
    await site.rescan();
    write({ 'p1/image.nii.gz': image(1), 'p2/image.nii.gz': image(2) });
    const { cases } = await upload();
    const seconds: number[] = [];
    const silences: number[] = [];
    const options = {
      cases,
      onSilence: () => silences.push(seconds.reduce((a, b) => a + b, 0)),
      signal: new AbortController().signal,
      sleep: async (ms: number) => seconds.push(ms / 1000),
    };

    const impatient = await createStatesReader(store).read(cases, false);
    const patient = await awaitVerdicts(createStatesReader(store), { ...options, patienceSeconds: 100 });

    expect(silences).toHaveLength(1);
    expect(silences[0]).toBeGreaterThanOrEqual(60);
    expect(silences[0]).toBeLessThan(75);
    expect(impatient.cases[0]?.verdict).toBe('pending');
    expect(patient[0]?.verdict).toBe('rejected');
    expect(seconds.reduce((a, b) => a + b, 0)).toBeGreaterThanOrEqual(60);
  });

  test('are written as CSV and as a page, where no text is code', () => {
    const fault = { key: siteKeys.image('training', 'p1'), state: 'rejected', code: 'BAD_IMAGE' } as const;
    const state = { ...fault, reason: '<script>"x", y', hint: '=1+1' };
    const rows = verdictRows(
      [{ case: 'p1', use: 'training', verdict: 'rejected', files: [state], entry: undefined }],
      [],
    );

    expect(verdictCsv(rows)).toBe(
      'case,verdict,file,code,reason,hint\r\np1,rejected,cases/p1/image.nii.gz,BAD_IMAGE,"<script>""x"", y",\'=1+1\r\n',
    );
    expect(verdictHtml('bonn', 'now', rows)).not.toContain('<script>');
    expect(verdictHtml('bonn', 'now', rows)).toContain('0 of 1 case is accepted, 1 rejected.');
  });
});

describe('the command', () => {
  const { endpoint } = useServer();
  beforeAll(async () => {
    const s3 = createS3Client({ endpoint: endpoint() });
    for (const Bucket of [names.siteBucket('heart', 'berlin'), names.federationBucket('heart')]) {
      await s3.send(new CreateBucketCommand({ Bucket }));
    }
    s3.destroy();
  });

  test('site upload sends, and tells intake in a table and a report', async () => {
    write({ 'p1/image.nii.gz': image(1), 'p2/image.nii.gz': PNG, 'p1/labels/calcification.nii.gz': calcium() });
    const septum = writeMarkups(POINTS.slice(0, 2), TASKS['membranous-septum'].classes, 'Mustermann Erika');
    write({ 'p1/labels/membranous-septum.mrk.json': septum });
    const at = ['--federation', 'heart', '--endpoint', endpoint()];
    const upload = (...more: readonly string[]) =>
      runCommand(['site', 'upload', 'berlin', '.', ...at, ...more], root());

    const sent = await upload('--no-wait', '--held-out');
    const stored = await collect(
      storesOf(createObjectStorage({ endpoint: endpoint() }), 'heart')
        .siteStore('berlin')
        .list(siteKeys.ofEvent('held-out/')),
    );
    await runCommand(['site', 'rescan', 'berlin', ...at]);
    const again = await upload('--held-out', '--report', 'csv');
    const json = await upload('--held-out', '--json', '--no-check', '--no-wait');

    const training = await upload('--no-wait');

    expect(training.stdout).toContain(
      `The case is uploaded as held out already. To move it, take it back there first, then upload again: npx fedcardio site withdraw berlin p1 --use held-out --keep-versions --federation heart --endpoint ${endpoint()}`,
    );
    expect(sent.stderr).toContain('3 files uploaded');
    expect(sent.stderr).toMatch(/^warning {2}p1\/labels\/membranous-septum\.mrk\.json: A text "description" in it/m);
    expect(stored.map(({ key }) => key)).toEqual([
      'held-out/p1/image.nii.gz',
      'held-out/p1/labels/calcification.nii.gz',
      'held-out/p1/labels/membranous-septum.mrk.json',
    ]);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('0 files uploaded (0.0 MB), 3 stored already; of 1 case files were refused');
    expect(again.stdout).toContain('1 of 2 cases are accepted, 1 not uploaded.');
    expect(existsSync(join(root(), 'upload-report.csv'))).toBe(true);
    expect(readFileSync(join(root(), 'upload-report.csv'), 'utf8')).toContain('p1,accepted,');
    expect(JSON.parse(json.stdout)).toMatchObject({
      schema: 'fedcardio.site-upload/1',
      site: 'berlin',
      uploaded: { files: 1 },
    });
  });
});
