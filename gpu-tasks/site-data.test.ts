import { beforeEach, describe, expect, test } from 'vitest';
import { siteKeys } from '../lib/federation/keys.ts';
import type { CatalogEntry, PseudoLabelReport } from '../lib/federation/schemas.ts';
import { DEFAULT_TASKS, TASKS } from '../lib/federation/tasks.ts';
import { CT_INTENSITY } from '../lib/imaging/intensity.ts';
import { writeMarkups } from '../lib/imaging/markups.ts';
import { writeNifti } from '../lib/imaging/nifti-write.ts';
import type { Vec3 } from '../lib/imaging/volume.ts';
import { intakeCase } from '../lib/intake/intake.ts';
import { canonicalJson } from '../lib/json.ts';
import { seededRandom, uniform } from '../lib/random.ts';
import type { SiteStore, Stores } from '../lib/storage/contract.ts';
import { cube, volumeOf } from '../lib/training/testing-cases.ts';
import { createCache } from './cache.ts';
import { openSiteData, trainingCases } from './site-data.ts';
import { SITE, stores, uploadCase } from './testing.ts';

const STAGE = { campaign: 'aortic', stage: 'label' };
const TASK = 'membranous-septum';
const POINTS = [
  [30, 40, 50],
  [30, 40, 54],
] as const;
const HOW = { spacing: 6, heartCrop: null, intensity: CT_INTENSITY };

let storage: Stores;
let read: string[];
let logged: Readonly<Record<string, unknown>>[];

beforeEach(() => {
  storage = stores();
  read = [];
  logged = [];
});

function data(campaign = 'tavi') {
  const store = storage.siteStore(SITE);
  const tryGet: SiteStore['tryGet'] = (key) => {
    read.push(key);
    return store.tryGet(key);
  };
  return openSiteData({ ...store, tryGet }, createCache(2 ** 20), log, campaign);
}
const log = (event: string, fields: Readonly<Record<string, unknown>>) => void logged.push({ event, ...fields });
const findCases = (pseudoLabels?: typeof STAGE) =>
  trainingCases(data(), [TASKS[TASK], TASKS.calcification], HOW, pseudoLabels, log);

async function uploadPoints(id: string, points: readonly (Vec3 | null)[]): Promise<void> {
  const landmarks = points.map((position, index) => ({ label: index + 1, position }));
  await storage
    .siteStore(SITE)
    .put(siteKeys.markups('training', id, TASK), writeMarkups(landmarks, TASKS[TASK].classes));
  await intakeCase({ store: storage.siteStore(SITE), site: SITE, tasks: DEFAULT_TASKS, now: () => new Date(0) }, id);
}

const POINT: Vec3 = [220, 180, 250];

/** Uploads a CT of 400 mm with a ball of blood between lungs around POINT, and two points. */
async function uploadTrunk(id: string, points: readonly Vec3[], bloodHu = 350): Promise<void> {
  const random = seededRandom('trunk', id);
  const tissue = ([x, y, z]: Vec3) => {
    if (Math.hypot(x - POINT[0], y - POINT[1], z - POINT[2]) < 50) return bloodHu;
    if (Math.abs(x - POINT[0]) > 150) return -1000;
    return Math.abs(x - POINT[0]) > 60 && Math.abs(x - POINT[0]) < 130 ? -800 : 0;
  };
  const ct = volumeOf(cube(50, 8), (at) => tissue(at) + uniform(random, -20, 20));
  await storage
    .siteStore(SITE)
    .put(siteKeys.image('training', id), writeNifti({ ...ct, data: Int16Array.from(ct.data) }));
  await uploadPoints(id, points);
}

/** Stores a pseudo-label with two points. */
async function storePseudoLabel(
  id: string,
  points: readonly Vec3[],
  more: Partial<PseudoLabelReport> = {},
): Promise<void> {
  const [entry] = (await data().catalog('training')).filter((one) => one.case === id) as [CatalogEntry];
  const report: PseudoLabelReport = {
    schema: 'fedcardio.pseudo-label/1',
    campaign: STAGE.campaign,
    task: TASK,
    case: id,
    image: entry.image.sha256,
    teacher: 'a'.repeat(64),
    confidence: 0.75,
    checks: [],
    accepted: true,
    landmarks: points.map(([x, y, z], index) => ({ label: index + 1, position: [x, y, z] })),
    ...more,
  };
  const grid = cube(16, 6);
  const classMap = writeNifti({ ...grid, data: new Uint8Array(16 ** 3) });
  await storage.siteStore(SITE).put(siteKeys.pseudoLabel(STAGE, TASK, id), classMap);
  await storage.siteStore(SITE).put(siteKeys.pseudoLabelReport(STAGE, TASK, id), canonicalJson(report));
}

describe('training cases', () => {
  test('are read on demand, and then cached', async () => {
    for (const id of ['p1', 'p2', 'p3']) await uploadCase(storage, 'training', id, true);
    const { cases } = await findCases();
    expect(cases.map(({ id }) => id)).toEqual(['p1', 'p2', 'p3']);
    const images = () => read.filter((key) => key.endsWith('image.nii.gz'));
    expect(images()).toEqual([]);

    const loaded = await cases[1]?.load();
    await cases[1]?.load();

    expect(loaded?.image.shape).toEqual([16, 16, 16]);
    expect([...(loaded?.targets.keys() ?? [])]).toEqual(['calcification']);
    expect(images()).toEqual([siteKeys.image('training', 'p2')]);
  });

  test('are found although others put objects into the catalog, and leave out an entry that cannot be read', async () => {
    for (const id of ['p1', 'p2']) await uploadCase(storage, 'training', id, true);
    const store = storage.siteStore(SITE);
    for (const name of ['', '.DS_Store', '._p1.json', 'notes.txt'])
      await store.put(siteKeys.ofEvent(`catalog/${name}`), '');
    await store.put(siteKeys.catalog('p2'), '{');
    expect((await findCases()).cases.map(({ id }) => id)).toEqual(['p1']);
    expect(logged).toMatchObject([{ event: 'catalog-entry-unreadable', key: 'catalog/p2.json' }]);
  });

  test('leave out a case that is withdrawn while they are found, and while they are read', async () => {
    for (const id of ['p1', 'p2', 'p3']) await uploadCase(storage, 'training', id, true);
    const store = storage.siteStore(SITE);
    const tryGet: SiteStore['tryGet'] = async (key) => {
      if (key === siteKeys.catalog('p1')) await store.delete(key);
      return store.tryGet(key);
    };
    const withdrawn = openSiteData({ ...store, tryGet }, createCache(2 ** 20), log, 'tavi');

    const { cases } = await trainingCases(withdrawn, [TASKS.calcification], HOW, undefined, log);
    await store.delete(siteKeys.image('training', 'p2'));
    const loaded = [];
    for (const item of cases) loaded.push((await item.load())?.id);

    expect(cases.map(({ id }) => id)).toEqual(['p2', 'p3']);
    expect(loaded).toEqual([undefined, 'p3']);
    expect(logged).toMatchObject([{ event: 'case-left-out', case: 'p2', code: 'BAD_IMAGE' }]);
  });

  test('keep the whole CT, and say so, if no heart is found or the crop would cut off a label', async () => {
    await uploadTrunk('p1', [POINT, [POINT[0], POINT[1], POINT[2] + 8]]);
    await uploadTrunk('p2', [POINT, [POINT[0], POINT[1], 20]]);
    await uploadTrunk('p3', [POINT, [POINT[0], POINT[1], 20]], 40);
    const { cases } = await trainingCases(
      data(),
      [TASKS[TASK]],
      { ...HOW, spacing: 8, heartCrop: 160 },
      undefined,
      log,
    );

    const shapes = [];
    for (const item of cases) shapes.push((await item.load())?.image.shape);

    expect(shapes).toEqual([
      [20, 20, 20],
      [50, 50, 50],
      [50, 50, 50],
    ]);
    expect(logged).toMatchObject([
      { event: 'label-beyond-crop', case: 'p2', tasks: [TASK] },
      { event: 'heart-not-found', case: 'p3' },
    ]);
  });

  test('have no target from an incomplete set of landmarks', async () => {
    await uploadCase(storage, 'training', 'p1', false);
    await uploadPoints('p1', [[30, 40, 50], null]);
    await expect(findCases()).rejects.toMatchObject({
      code: 'NO_DATA',
      message: expect.stringMatching(/complete label/),
    });

    await uploadCase(storage, 'training', 'p2', false);
    await uploadPoints('p2', POINTS);
    expect((await findCases()).cases.map(({ id }) => id)).toEqual(['p2']);

    await storePseudoLabel('p1', POINTS);
    expect((await findCases(STAGE)).cases.map(({ id }) => id)).toEqual(['p1', 'p2']);
  });
});

describe('pseudo-labels', () => {
  beforeEach(() => uploadCase(storage, 'training', 'p1', false));

  test('have the points and the confidence of the teacher', async () => {
    await storePseudoLabel('p1', POINTS);
    const [source] = (await findCases(STAGE)).cases;
    expect(source?.targets.get(TASK)).toMatchObject({ teacher: { confidence: 0.75 } });
    expect((await source?.load())?.targets.get(TASK)).toMatchObject({
      kind: 'points',
      points: POINTS.map((position, index) => ({ label: index + 1, position })),
      teacher: { confidence: 0.75 },
    });
  });

  test('are not used after their CT was replaced', async () => {
    await storePseudoLabel('p1', POINTS, { image: 'b'.repeat(64) });
    await expect(findCases(STAGE)).rejects.toMatchObject({ code: 'NO_DATA' });
  });

  test('exclude only their own case if they are damaged', async () => {
    for (const id of ['p2', 'p3']) await uploadCase(storage, 'training', id, false);
    for (const id of ['p1', 'p2', 'p3'])
      await storePseudoLabel(id, POINTS, { soft: { affine: [...cube(16, 6).affine].map((row) => [...row]) } });
    await storage.siteStore(SITE).put(siteKeys.pseudoLabelReport(STAGE, TASK, 'p1'), '{"schema":');
    await storage.siteStore(SITE).put(siteKeys.softLabel(STAGE, TASK, 'p2'), 'not safetensors');
    await storePseudoLabel('p3', POINTS);

    const { cases, unreadable } = await findCases(STAGE);
    const loaded = [];
    for (const one of cases) loaded.push((await one.load())?.id);

    expect(loaded).toEqual([undefined, 'p3']);
    expect([...unreadable]).toEqual(['p1', 'p2']);
    expect(logged).toMatchObject([
      { event: 'case-left-out', case: 'p1', code: 'BAD_LABEL' },
      { event: 'case-left-out', case: 'p2', code: 'BAD_LABEL' },
    ]);
  });
});

test("no other campaign sees a smoke test's cases, and a smoke test sees no others", async () => {
  await uploadTrunk('p1', [POINT, POINT]);
  await uploadTrunk('smoke-test-1', [POINT, POINT]);

  const seenBy = async (campaign: string) => (await data(campaign).catalog('training')).map((entry) => entry.case);

  expect(await seenBy('tavi')).toEqual(['p1']);
  expect(await seenBy('smoke-test-2026')).toEqual(['smoke-test-1']);
});
