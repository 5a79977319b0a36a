import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collect } from '../lib/async.ts';
import { type CaseUse, federationKeys, siteKeys, UPDATE_SUFFIX } from '../lib/federation/keys.ts';
import {
  type Campaign,
  campaignSchema,
  catalogSchema,
  commitSchema,
  federationSchema,
  type Outcome,
  outcomeSchema,
  planSchema,
  rejectedSchema,
  updateSchema,
} from '../lib/federation/schemas.ts';
import { type Task, taskOf } from '../lib/federation/tasks.ts';
import { apply } from '../lib/imaging/affine.ts';
import { writeMarkups } from '../lib/imaging/markups.ts';
import { readNifti } from '../lib/imaging/nifti-read.ts';
import { writeNifti } from '../lib/imaging/nifti-write.ts';
import type { Vec3, Volume } from '../lib/imaging/volume.ts';
import { parseJson } from '../lib/json.ts';
import { headOf } from '../lib/models/parameters.ts';
import { toLocal } from '../lib/phantom/frame.ts';
import { generatePhantom } from '../lib/phantom/phantom.ts';
import { scannerOf } from '../lib/phantom/scanner.ts';
import { sceneOf } from '../lib/phantom/scene.ts';
import { parseTaskFile, setTasks } from '../lib/protocol/set-tasks.ts';
import { campaignStatus } from '../lib/protocol/status.ts';
import { readJson, tryReadJson } from '../lib/storage/documents.ts';
import { decodeSafetensors } from '../lib/weights/safetensors.ts';
import { type Platform, startPlatform } from '../local/platform.ts';
import { training } from './helpers/campaign.ts';

const FOLDER = 'examples/custom-task';
const FILE = `${FOLDER}/federation.json`;
const { tasks: _, ...FEDERATION } = parseJson(readFileSync(FILE), federationSchema, FILE);
const TASKS = parseTaskFile(readFileSync(FILE), FILE);
const IDS = TASKS.map(({ id }) => id);

/** The example's campaign with networks so small that it takes seconds, and untrained teachers trusted. */
const CAMPAIGN: Campaign = (() => {
  const example = parseJson(readFileSync(`${FOLDER}/campaign.json`), campaignSchema, 'campaign.json');
  const stages = example.stages.map((stage) => ({
    ...stage,
    ...('rounds' in stage && { rounds: 1, training, model: { kind: 'unet', features: [4, 8] } }),
    ...(stage.kind === 'pseudo-label' && { filter: { minConfidence: 0, plausibility: false } }),
  }));
  return campaignSchema.parse({ ...example, stages });
})();

interface Case {
  readonly site: string;
  readonly id: string;
  readonly use: CaseUse;
  readonly labels: readonly string[];
}

const CASES: readonly Case[] = [
  { site: 'bonn', id: 'b1', use: 'training', labels: IDS },
  { site: 'bonn', id: 'b2', use: 'training', labels: ['aorta'] },
  { site: 'bonn', id: 'b9', use: 'evaluation', labels: IDS },
  { site: 'jena', id: 'j1', use: 'training', labels: ['annulus-plane'] },
  { site: 'jena', id: 'j2', use: 'training', labels: [] },
  { site: 'jena', id: 'j9', use: 'evaluation', labels: IDS },
];

/** A coarse phantom with labels of the example's tasks: the blood of its root above and below the annulus. */
function caseFiles(seed: number) {
  const scanner = { ...scannerOf(seed, 1), pixelMm: 3.1, sliceMm: 3.7 };
  const { image, points } = generatePhantom({ seed, scanner });
  const { root, placement } = sceneOf(seed);
  const [nx, ny] = image.shape;
  const heights = Float32Array.from(image.data, (_, i) => {
    const world = apply(image.affine, [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))]);
    const [u, v, w] = toLocal(placement.root, world);
    return root.lumen(u, v, w) < 0 ? w : Number.NaN;
  });
  const map = (classOf: (height: number) => number): Volume<Uint8Array> => ({
    ...image,
    data: Uint8Array.from(heights, (height) => (Number.isNaN(height) ? 0 : classOf(height))),
  });
  return {
    image,
    annulus: points['hinge-points'].slice(0, 3) as readonly Vec3[],
    aorta: map((height) => Number(height >= 0)),
    leftHeart: map((height) => (height >= 0 ? 1 : 2)),
  };
}

describe('tasks of their own', () => {
  const directory = mkdtempSync(join(tmpdir(), 'fedcardio-custom-task-'));
  let platform: Platform;
  let outcome: Outcome;

  const store = (site: string) => platform.context.siteStore(site);
  async function upload({ site, id, use, labels }: Case, seed: number): Promise<void> {
    const { image, annulus, aorta, leftHeart } = caseFiles(seed);
    const points = annulus.map((position, index) => ({ label: index + 1, position }));
    const bodies: Readonly<Record<string, () => Promise<unknown>>> = {
      aorta: () => store(site).put(siteKeys.label(use, id, 'aorta'), writeNifti(aorta)),
      'left-heart': () => store(site).put(siteKeys.label(use, id, 'left-heart'), writeNifti(leftHeart)),
      'annulus-plane': () =>
        store(site).put(
          siteKeys.markups(use, id, 'annulus-plane'),
          writeMarkups(points, taskOf(TASKS, 'annulus-plane').classes),
        ),
    };
    for (const label of labels) await bodies[label]?.();
    await store(site).put(siteKeys.image(use, id), writeNifti(image));
  }
  const labelsOf = async ({ site, id }: Case) =>
    Object.keys((await tryReadJson(store(site), siteKeys.catalog(id), catalogSchema))?.value.labels ?? {}).sort();
  const rejectionsOf = async ({ site, id }: Case) =>
    (await tryReadJson(store(site), siteKeys.rejected(id), rejectedSchema))?.value.objects ?? [];
  const run = async (campaign: Campaign): Promise<Outcome> => {
    const { federationStore } = platform.context;
    await federationStore.put(federationKeys.campaign(campaign.id), JSON.stringify(campaign));
    for (;;) {
      const found = await tryReadJson(federationStore, federationKeys.outcome(campaign.id), outcomeSchema);
      if (found) return found.value;
      await sleep(100);
    }
  };
  const updatesOf = async (stage: string) => {
    const { federationStore } = platform.context;
    return Promise.all(
      ['bonn', 'jena'].map(async (site) => {
        const at = { campaign: CAMPAIGN.id, stage, round: 1 };
        const listing = await collect(federationStore.list(federationKeys.siteUpdates(at, site)));
        const key = listing.find(({ key }) => key.endsWith(UPDATE_SUFFIX))?.key;
        return (await readJson(federationStore, key!, updateSchema)).value;
      }),
    );
  };

  beforeAll(async () => {
    platform = await startPlatform({
      federation: FEDERATION,
      server: { dataDir: directory },
      gpuTasks: { maxGpuTasks: 2, env: { TF_NUM_INTRAOP_THREADS: '1' } },
      sweep: { everySeconds: 0.5, rescanEverySeconds: 0.5 },
    });
    for (const [seed, item] of CASES.entries()) await upload(item, seed);
    await store('jena').put(siteKeys.label('training', 'j2', 'aorte'), writeNifti(caseFiles(4).aorta));
  }, 120_000);
  afterAll(async () => {
    await platform.close();
    rmSync(directory, { recursive: true });
  });

  test('are rejected with a reason while the federation does not know them', async () => {
    for (const item of CASES) {
      const reasons = async () =>
        (await rejectionsOf(item)).filter(({ key }) => !key.includes('aorte')).map(({ reason }) => reason);
      await expect
        .poll(reasons, { timeout: 30_000 })
        .toEqual([...item.labels].sort().map((task) => `There is no task "${task}".`));
      expect(await labelsOf(item)).toEqual([]);
    }
    expect(await run({ ...CAMPAIGN, id: 'too-early' })).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('There is no task "aorta".'),
    });
  });

  test('are accepted once they are set, without a new deployment or upload', async () => {
    const changes = await setTasks(platform.context, TASKS);

    expect(changes.filter(({ change }) => change === 'added').map(({ task }) => task)).toEqual(IDS);
    for (const item of CASES) {
      await expect.poll(() => labelsOf(item), { timeout: 20_000 }).toEqual([...item.labels].sort());
    }
    const [misnamed, ...more] = (await Promise.all(CASES.map(rejectionsOf))).flat();
    expect(more).toEqual([]);
    expect(misnamed).toMatchObject({
      reason: 'There is no task "aorte".',
      hint: 'Did you mean "aorta"? Name the file after one of aorta, annulus-plane, left-heart.',
    });
  });

  test('are trained, pseudo-labelled, distilled and evaluated in a campaign', async () => {
    outcome = await run(CAMPAIGN);

    expect(outcome).toMatchObject({ status: 'completed' });
    const { federationStore } = platform.context;
    const plan = await readJson(federationStore, federationKeys.plan(CAMPAIGN.id), planSchema);
    expect(plan.value.tasks).toEqual(TASKS);
    const at = { campaign: CAMPAIGN.id, stage: 'student', round: 1 };
    const { value } = await readJson(federationStore, federationKeys.commit(at), commitSchema);
    const weights = decodeSafetensors((await federationStore.get(value.global!.key as never)).body);
    expect(new Set([...weights.keys()].flatMap((name) => headOf(name) ?? []))).toEqual(new Set(IDS));
    const status = await campaignStatus(platform.context, CAMPAIGN.id);
    expect(status?.stages.map(({ phase }) => phase)).toEqual(CAMPAIGN.stages.map(() => 'completed'));
  }, 180_000);

  test('are scored by point, and by the mean over the classes', async () => {
    for (const update of await updatesOf('evaluate')) {
      const scores = update.status === 'ok' ? (update.scores ?? []) : [];
      expect(scores.map(({ task }) => task).sort()).toEqual([...IDS].sort());
      for (const score of scores) {
        const task = taskOf(TASKS, score.task);
        if (task.kind === 'landmarks') expect(Object.keys(score.errors ?? {}).sort()).toEqual([...task.classes].sort());
        else expect(score.dice).toHaveLength(1);
        expect(score.volumes !== undefined).toBe(task.id === 'aorta');
      }
    }
  });

  test('are predicted on the grid of each held-out CT, with no class that the task does not have', async () => {
    for (const { site, id } of CASES.filter(({ use }) => use === 'evaluation')) {
      const image = readNifti((await store(site).get(siteKeys.image('evaluation', id))).body);
      for (const task of TASKS) {
        const key = siteKeys.prediction(CAMPAIGN.id, 'student', task.id, id);
        const map = readNifti((await store(site).get(key)).body);
        expect(map.shape).toEqual(image.shape);
        expect(Math.max(...map.data)).toBeLessThanOrEqual((task as Task).classes.length);
      }
    }
  });

  test('are not given other classes while sites have labels of them', async () => {
    const swapped = TASKS.map((task) =>
      task.id === 'left-heart' ? { ...task, classes: ['ventricle', 'root'] } : task,
    );

    await expect(setTasks(platform.context, swapped)).rejects.toThrow(
      'left-heart gets other classes (labels at bonn, jena)',
    );
    expect(await setTasks(platform.context, swapped, { force: true })).toEqual([
      { task: 'left-heart', change: 'new meaning' },
    ]);
  });
});
