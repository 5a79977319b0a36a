import { beforeEach, describe, expect, test } from 'vitest';
import { collect } from '../lib/async.ts';
import { type FederationKey, type SiteKey, siteKeys } from '../lib/federation/keys.ts';
import type { Open } from '../lib/federation/schemas.ts';
import { keyOf } from '../lib/federation/testing.ts';
import type { ObjectStore, Stores } from '../lib/storage/contract.ts';
import { runGpuTask } from './run-gpu-task.ts';
import {
  commitUpdateOf,
  gpuTaskContext,
  openRound,
  SITE,
  stores,
  type TeacherOptions,
  updateOf,
  uploadCase,
} from './testing.ts';

const UNLABELLED = ['patient-2', 'patient-3', 'patient-4'] as const;
const STAGE = { campaign: 'aortic', stage: 'soft' };
const KILLED = new Error('The host was reclaimed.');
/** FedBN: the teacher differs from site to site. */
const TEACHER: TeacherOptions = {
  rounds: 1,
  training: { localParameters: ['*norm*'] },
  more: [{ kind: 'pseudo-label', name: 'soft', teachers: ['teacher'], soft: true, filter: { minConfidence: 0 } }],
};

/** A site with a trained teacher and cases for it. */
async function prepared(): Promise<Stores> {
  const storage = stores();
  await uploadCase(storage, 'training', 'patient-1', true);
  for (const id of UNLABELLED) await uploadCase(storage, 'training', id, false);
  await uploadCase(storage, 'evaluation', 'patient-5', true);
  await uploadCase(storage, 'evaluation', 'patient-6', true);
  const message = await openRound(storage, 'teacher', 1, null, TEACHER);
  const { context } = await gpuTaskContext(storage);
  expect(await runGpuTask(message, context)).toBe('done');
  const base: Open['base'] = await commitUpdateOf(storage, message);
  expect(base).not.toBeNull();
  return storage;
}

/** Runs a stage, up to a number of reported cases. */
async function run(storage: Stores, stage: string, stopAfter = Number.POSITIVE_INFINITY) {
  const { context, steps, logged } = await gpuTaskContext(storage);
  const message = await openRound(storage, stage, 1);
  const written: string[] = [];
  const siteStore: typeof context.siteStore = (site) => {
    const store = context.siteStore(site);
    const put: typeof store.put = (key, ...rest) => {
      written.push(key);
      return store.put(key, ...rest);
    };
    return { ...store, put };
  };
  const totals = new Set<number>();
  const progress: typeof context.progress = (reported) => {
    context.progress(reported);
    totals.add(reported.total);
    if (steps.length === stopAfter) throw KILLED;
  };
  const outcome = await runGpuTask(message, { ...context, siteStore, progress }).catch((error: unknown) => error);
  return { outcome, steps, totals: [...totals], written, logged, message };
}

/** Keys and contents of both buckets, without the memory that an update names, and its hash and length. */
async function contentsOf({ federationStore, siteStore }: Stores): Promise<ReadonlyMap<string, string>> {
  const read = async <K extends string>(store: ObjectStore<K>, all: K) =>
    Promise.all(
      (await collect(store.list(all))).map(async ({ key }) => {
        const text = Buffer.from((await store.get(key)).body).toString('latin1');
        return [String(key), key.endsWith('.json') ? withoutMemory(text) : text] as const;
      }),
    );
  return new Map([
    ...(await read<FederationKey>(federationStore, keyOf(''))),
    ...(await read<SiteKey>(siteStore(SITE), siteKeys.ofEvent(''))),
  ]);
}
const withoutMemory = (text: string) =>
  text
    .replace(/"peakRss":\d+/, '"peakRss":0')
    .replace(/"update":\{"bytes":\d+/, '"update":{"bytes":0')
    .replace(/(\.update\.json","sha256":")[0-9a-f]{64}/, '$1');
const labelsIn = (keys: readonly string[]) => keys.filter((key) => key.endsWith('.nii.gz'));

let storage: Stores;
beforeEach(async () => {
  storage = await prepared();
});

describe('a pseudo-label stage', () => {
  test('that is interrupted after any case makes the rest, with the same objects as without', async () => {
    const whole = await prepared();
    const { steps, totals } = await run(whole, 'soft');
    expect({ steps, totals }).toEqual({ steps: [1, 2, 3], totals: [3] });
    const expected = await contentsOf(whole);

    for (const after of [1, 2, 3]) {
      const interrupted = await prepared();
      expect((await run(interrupted, 'soft', after)).outcome).toBe(KILLED);
      const { outcome, written, logged, message } = await run(interrupted, 'soft');

      expect(outcome).toBe('done');
      expect(labelsIn(written)).toHaveLength(UNLABELLED.length - after);
      expect(logged.filter((line) => line.includes('"resumed"')).length).toBeGreaterThan(0);
      expect(await updateOf(interrupted, message)).toMatchObject({
        figures: { 'calcification/unlabelled': 3, 'calcification/accepted': 3 },
      });
      expect(await contentsOf(interrupted)).toEqual(expected);
    }
  });

  const report = siteKeys.pseudoLabelReport(STAGE, 'calcification', UNLABELLED[0]);
  const edit = async (key: SiteKey, change: (text: string) => string) => {
    const store = storage.siteStore(SITE);
    await store.put(key, change(Buffer.from((await store.get(key)).body).toString()));
  };
  const otherDigest = (name: string) => (text: string) =>
    text.replace(new RegExp(`"${name}":"[0-9a-f]{64}"`), `"${name}":"${'0'.repeat(64)}"`);
  test.each<readonly [string, () => Promise<unknown>]>([
    ['of other terms', () => edit(report, otherDigest('terms'))],
    ['of an earlier release', () => edit(report, (text) => text.replace(/,"terms":"[0-9a-f]{64}"/, ''))],
    ['of a newer release', () => edit(report, (text) => text.replace('pseudo-label/1', 'pseudo-label/2'))],
    ['whose report is damaged', () => edit(report, (text) => text.slice(0, 40))],
    ['whose report is missing', () => storage.siteStore(SITE).delete(report)],
    [
      'whose class map is missing',
      () => storage.siteStore(SITE).delete(siteKeys.pseudoLabel(STAGE, 'calcification', UNLABELLED[0])),
    ],
    [
      'whose class map is newer than its report',
      () => storage.siteStore(SITE).put(siteKeys.pseudoLabel(STAGE, 'calcification', UNLABELLED[0]), 'of another run'),
    ],
    [
      'whose probabilities are missing',
      () => storage.siteStore(SITE).delete(siteKeys.softLabel(STAGE, 'calcification', UNLABELLED[0])),
    ],
  ])('makes again a pseudo-label %s, and that alone', async (_, spoil) => {
    await run(storage, 'soft', 3);
    const before = await contentsOf(storage);
    await spoil();
    expect(await contentsOf(storage)).not.toEqual(before);

    const { outcome, written } = await run(storage, 'soft');

    expect(outcome).toBe('done');
    expect(labelsIn(written)).toEqual([siteKeys.pseudoLabel(STAGE, 'calcification', UNLABELLED[0])]);
    expect(await contentsOf(storage)).toEqual(new Map([...(await contentsOf(storage)), ...before]));
  });

  test.each<readonly [string, () => Promise<unknown>, readonly string[]]>([
    [
      'a CT of the same voxels whose header was corrected',
      async () => {
        const store = storage.siteStore(SITE);
        const { body } = await store.get(siteKeys.catalog(UNLABELLED[0]));
        const text = Buffer.from(body).toString();
        await store.put(siteKeys.catalog(UNLABELLED[0]), text.replace(/"spacing":\[6,6,6\]/, '"spacing":[6,6,5.5]'));
      },
      [UNLABELLED[0]],
    ],
    [
      "other weights of the site's own",
      async () => {
        const store = storage.siteStore(SITE);
        await store.delete(siteKeys.localParameters({ campaign: 'aortic', stage: 'teacher', round: 1 }));
      },
      UNLABELLED,
    ],
    [
      'another plan',
      () => {
        const more = [
          ...(TEACHER.more ?? []),
          { kind: 'evaluate', name: 'again', models: { teacher: 'teacher' } } as const,
        ];
        return openRound(storage, 'soft', 1, null, { ...TEACHER, more });
      },
      UNLABELLED,
    ],
  ])('labels again with %s', async (_, change, again) => {
    await run(storage, 'soft', 3);
    await change();

    const { written } = await run(storage, 'soft', 3);

    expect(labelsIn(written)).toEqual(again.map((id) => siteKeys.pseudoLabel(STAGE, 'calcification', id)));
  });
});

test('an evaluation reports each case', async () => {
  const { outcome, steps, totals } = await run(storage, 'evaluate');

  expect({ outcome, steps, totals }).toEqual({ outcome: 'done', steps: [1, 2], totals: [2] });
});
