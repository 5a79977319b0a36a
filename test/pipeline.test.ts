import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { writeRelease } from '../cli/release/write-release.ts';
import { type FederationKey, federationKeys, parseRoundKey, roundOf, siteKeys } from '../lib/federation/keys.ts';
import {
  type CampaignInput,
  catalogSchema,
  commitSchema,
  type Open,
  type Outcome,
  openSchema,
  planSchema,
  pseudoLabelReportSchema,
  rejectedSchema,
  sealSchema,
  updateSchema,
} from '../lib/federation/schemas.ts';
import { TASKS as TASK_TABLE, type TaskId } from '../lib/federation/tasks.ts';
import { gpuTaskMessage } from '../lib/federation/testing.ts';
import { names } from '../lib/federation/topology.ts';
import { readMarkups } from '../lib/imaging/markups.ts';
import { readNifti } from '../lib/imaging/nifti-read.ts';
import { writeNifti } from '../lib/imaging/nifti-write.ts';
import { sha256Hex } from '../lib/json.ts';
import { fromTorch } from '../lib/models/interchange/torch.ts';
import { headOf } from '../lib/models/parameters.ts';
import { readJson } from '../lib/storage/documents.ts';
import { decodeSafetensors } from '../lib/weights/safetensors.ts';
import type { Weights } from '../lib/weights/weights.ts';
import { pseudoLabels, student, type ToyCase, teacher, training, uploadToyCase } from './helpers/campaign.ts';
import { type LocalFederation, startLocalFederation } from './helpers/local-federation.ts';

const TASKS = ['hinge-points', 'calcification'] as const satisfies readonly TaskId[];
const SITES = ['bonn', 'kiel', 'ulm'];

/** Ulm has CTs but no training labels. Case ids are unmistakable, so that the test finds them anywhere. */
const CASES: readonly ToyCase[] = [
  { site: 'bonn', id: 'patient-b1', use: 'training', labels: TASKS },
  { site: 'bonn', id: 'patient-b2', use: 'training', labels: ['hinge-points'] },
  { site: 'bonn', id: 'patient-b9', use: 'evaluation', labels: TASKS },
  { site: 'kiel', id: 'patient-k1', use: 'training', labels: ['hinge-points'] },
  { site: 'kiel', id: 'patient-k9', use: 'evaluation', labels: TASKS },
  { site: 'ulm', id: 'patient-u1', use: 'training', labels: [] },
  { site: 'ulm', id: 'patient-u9', use: 'evaluation', labels: TASKS },
];

const CAMPAIGN: CampaignInput = {
  schema: 'fedcardio.campaign/1',
  id: 'aortic',
  seed: 5,
  stages: [
    ...TASKS.map((task) => teacher(task, 2)),
    pseudoLabels(TASKS),
    { ...student('student', TASKS, 2, 'pseudo-label'), distillation: {} },
    { ...student('control', TASKS, 2), aggregation: { strategy: 'fedavg', untrained: 'skip' } },
    { kind: 'probe', name: 'probe', of: 'student', task: 'calcification', rounds: 2, training },
    {
      kind: 'evaluate',
      name: 'evaluate',
      models: { student: 'student', control: 'control', probe: 'probe' },
      predictions: 'student',
      compare: [['student', 'control']],
    },
  ],
};

const LABELLING = { campaign: CAMPAIGN.id, stage: 'pseudo-label' };

/** Participants of a stage: the sites that have what it needs. */
const PARTICIPANTS: Readonly<Record<string, readonly string[]>> = {
  'teacher/hinge-points': ['bonn', 'kiel'],
  'teacher/calcification': ['bonn'],
  'pseudo-label': SITES,
  student: SITES,
  control: ['bonn', 'kiel'],
  probe: ['bonn'],
  evaluate: SITES,
};
const roundsOf = (stage: string) => (stage === 'pseudo-label' || stage === 'evaluate' ? 1 : 2);
const ROUNDS = Object.keys(PARTICIPANTS).flatMap((stage) =>
  Array.from({ length: roundsOf(stage) }, (_, i) => ({ campaign: CAMPAIGN.id, stage, round: i + 1 })),
);
const sitesOf = (open: Open) => open.participants.map(({ site }) => site);
const title = ({ stage, round }: { readonly stage: string; readonly round: number }) => `${stage}#${round}`;

const SOMETHING_ELSE = gpuTaskMessage({
  federation: 'of-someone-else',
  campaign: 'aortic',
  stage: 'student',
  site: 'kiel',
});
/** With spaces and umlauts, because a dead letter must be the unchanged message. */
const POISON = `  ${JSON.stringify({ note: 'Grüße', ...SOMETHING_ELSE }, null, 2)}\n`;

async function uploadAll(local: LocalFederation, sites: readonly string[]): Promise<void> {
  for (const [index, item] of CASES.entries()) {
    if (sites.includes(item.site)) await uploadToyCase(local.siteStore(item.site), item, index);
  }
  await local.idle();
}

/** "stage#round@site" for each event of a type. */
const happened = (local: LocalFederation, type: 'started' | 'done' | 'retrying' | 'failed') =>
  local.tasks.flatMap((event) => (event.type === type ? [`${title(event.message)}@${event.message.site}`] : [])).sort();

/** SHA-256 of the model of a stage's last round. */
async function finalModel(local: LocalFederation, campaign: string, stage: string, round = 2): Promise<string> {
  const { value } = await readJson(
    local.federationStore,
    federationKeys.commit({ campaign, stage, round }),
    commitSchema,
  );
  return value.global!.sha256;
}

describe('a campaign over HTTP', () => {
  let local: LocalFederation;
  let outcome: Outcome;

  beforeAll(async () => {
    local = await startLocalFederation({ sites: SITES, crash: 'teacher/hinge-points#2@kiel' });
    await local.siteStore('kiel').put(siteKeys.image('training', 'patient-cut'), 'not a CT');
    await local.siteStore('kiel').put(siteKeys.ofEvent('cases/patient-k1/labels/spleen.nii.gz'), 'not a known task');
    await local.queues.send(names.gpuTaskQueue(local.federation.id, 'kiel'), POISON);
    await uploadAll(local, SITES);
    outcome = await local.run(CAMPAIGN);
  }, 300_000);
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await local.close();
  });
  const folder = mkdtempSync(join(tmpdir(), 'fedcardio-pipeline-'));

  const read = <S extends z.ZodType>(key: FederationKey, schema: S) => readJson(local.federationStore, key, schema);

  /** The sealed updates of a round. */
  async function updatesOf(at: (typeof ROUNDS)[number]) {
    const seal = (await read(federationKeys.seal(at), sealSchema)).value;
    return Promise.all(seal.updates.map(async (entry) => ({ entry, ...(await read(entry.key, updateSchema)) })));
  }

  test('completes', () => {
    expect(outcome).toMatchObject({ status: 'completed', campaign: CAMPAIGN.id });
    expect(happened(local, 'failed')).toEqual([]);
  });

  test('has exactly one commit and one global model per round', async () => {
    const keys = await local.keys(local.federationStore, federationKeys.campaignPrefix(CAMPAIGN.id));
    const commits = keys.filter((key) => key.endsWith('/commit.json')).map((key) => title(parseRoundKey(key)!.at));
    expect(commits.sort()).toEqual(ROUNDS.map(title).sort());
    const stored = await local.keys(local.federationStore, 'models/' as FederationKey);
    const models = stored.filter((key) => key.endsWith('.safetensors')).map((key) => title(roundOf(key)!));
    const learning = ROUNDS.filter(({ stage }) => roundsOf(stage) === 2);
    expect(models.sort()).toEqual(learning.map(title).sort());
    const created = local.log.filter(({ event }) => event === 'round-committed');
    expect(created).toHaveLength(ROUNDS.length);
  });

  test('sends GPU tasks to the sites that have what a stage needs, and each answers once', async () => {
    for (const at of ROUNDS) {
      const { value: open } = await read(federationKeys.open(at), openSchema);
      const { value: commit } = await read(federationKeys.commit(at), commitSchema);
      expect(sitesOf(open), title(at)).toEqual(PARTICIPANTS[at.stage]);
      expect(commit.sites, title(at)).toEqual(PARTICIPANTS[at.stage]);
    }
    const expected = ROUNDS.flatMap((at) => PARTICIPANTS[at.stage]!.map((site) => `${title(at)}@${site}`));
    expect(happened(local, 'done')).toEqual(expected.sort());
  });

  test('is a hash chain from the plan to every last commit', async () => {
    const plan = await read(federationKeys.plan(CAMPAIGN.id), planSchema);
    const source = (await local.federationStore.get(federationKeys.campaign(CAMPAIGN.id))).body;
    expect(plan.value.source).toBe(sha256Hex(source));
    let previous = { sha256: plan.sha256, global: null as null | { readonly key: string; readonly sha256: string } };
    for (const at of ROUNDS) {
      if (at.round === 1) previous = { sha256: plan.sha256, global: null };
      const open = await read(federationKeys.open(at), openSchema);
      const seal = await read(federationKeys.seal(at), sealSchema);
      const commit = await read(federationKeys.commit(at), commitSchema);
      expect(open.value.previous, title(at)).toBe(previous.sha256);
      expect(open.value.base, title(at)).toEqual(
        previous.global && { commit: previous.sha256, ...previous.global, state: null },
      );
      expect(seal.value.open, title(at)).toBe(open.sha256);
      expect(commit.value.seal, title(at)).toBe(seal.sha256);
      expect(commit.value.previous, title(at)).toBe(previous.sha256);
      for (const { entry, value, sha256 } of await updatesOf(at)) {
        expect(entry.sha256).toBe(sha256);
        expect(value.status === 'ok' && value.base).toBe(open.value.base?.sha256 ?? null);
        if (entry.weights) expect(await digestOf(entry.weights.key)).toBe(entry.weights.sha256);
      }
      const { global } = commit.value;
      if (global) expect(await digestOf(global.key)).toBe(global.sha256);
      previous = { sha256: commit.sha256, global };
    }
  });

  /** Kiel has no calcification labels, so in the control, which skips untrained heads, this head is Bonn's only. */
  const counts = (stage: string, site: string, name: string) =>
    stage !== 'control' || site !== 'kiel' || headOf(name) !== 'calcification';

  test("merges each tensor to the mean of the sites' tensors, weighted by samples", async () => {
    for (const at of ROUNDS.filter(({ stage }) => roundsOf(stage) === 2)) {
      const { value: commit } = await read(federationKeys.commit(at), commitSchema);
      const merged = await weightsOf(commit.global!.key);
      const updates = await updatesOf(at);
      const parts = await Promise.all(
        updates.map(async ({ entry: { site, samples, weights } }) => ({
          site,
          samples,
          weights: await weightsOf(weights!.key),
        })),
      );
      expect(commit.samples).toBe(parts.reduce((sum, { samples }) => sum + samples, 0));
      for (const { weights } of parts) expect([...weights.keys()].sort()).toEqual([...merged.keys()].sort());
      for (const [name, { data }] of merged) {
        const counting = parts.filter(({ site }) => counts(at.stage, site, name));
        const total = counting.reduce((sum, { samples }) => sum + samples, 0);
        (data as Float32Array).forEach((value, i) => {
          const mean = counting.reduce(
            (sum, { samples, weights }) => sum + (samples / total) * Number(weights.get(name)!.data[i]),
            0,
          );
          if (!(Math.abs(value - mean) < 1e-5)) throw new Error(`${title(at)} ${name}[${i}] is ${value}, not ${mean}`);
        });
      }
    }
  });

  test('trains at every site, with distinct updates in every round', async () => {
    const seen = new Set<string>();
    let count = 0;
    for (const at of ROUNDS) {
      for (const { entry } of await updatesOf(at)) {
        if (!entry.weights) continue;
        seen.add(entry.weights.sha256);
        count += 1;
      }
    }
    expect(seen.size).toBe(count);
  });

  test('adds missing pseudo-labels only, each at the site of its CT', async () => {
    for (const site of SITES) {
      const store = local.siteStore(site);
      const expected = CASES.filter((item) => item.site === site && item.use === 'training').flatMap(({ id, labels }) =>
        TASKS.filter((task) => !labels.includes(task)).flatMap((task) => [
          siteKeys.pseudoLabel(LABELLING, task, id),
          // After two steps it still predicts the initial prevalence of calcium, one voxel in two thousand.
          ...(task === 'hinge-points' ? [siteKeys.softLabel(LABELLING, task, id)] : []),
          siteKeys.pseudoLabelReport(LABELLING, task, id),
        ]),
      );
      const made = await local.keys(store, 'pseudo-labels/');
      expect(made.sort(), site).toEqual(expected.sort());
      for (const key of made.filter((name) => name.endsWith('.json'))) {
        const { value } = await readJson(store, key, pseudoLabelReportSchema);
        expect(value).toMatchObject({
          accepted: true,
          teacher: await finalModel(local, CAMPAIGN.id, `teacher/${value.task}`),
        });
      }
    }
  });

  test('trains the student on pseudo-labels, and the control on labels only', async () => {
    const samples = async (stage: string) =>
      Object.fromEntries(
        (await updatesOf({ campaign: CAMPAIGN.id, stage, round: 1 })).map(({ entry }) => [entry.site, entry.samples]),
      );
    expect(await samples('student')).toEqual({ bonn: 2, kiel: 1, ulm: 1 });
    expect(await samples('control')).toEqual({ bonn: 2, kiel: 1 });
    expect(await finalModel(local, CAMPAIGN.id, 'student')).not.toBe(await finalModel(local, CAMPAIGN.id, 'control'));
  });

  test("probes the student's features with a new head, and merges only this head", async () => {
    const heads = await weightsOf((await lastCommit('probe')).global!.key);
    const whole = await weightsOf((await lastCommit('student')).global!.key);
    expect([...heads.keys()].every((name) => headOf(name) === 'calcification')).toBe(true);
    expect(heads.size).toBeGreaterThan(0);
    expect(heads.size).toBeLessThan(whole.size / 4);
  });

  test('exports a trained model that nnU-Net can load', async () => {
    const file = join(folder, 'unet.safetensors');
    const { stdout } = await fedcardio('export', CAMPAIGN.id, 'teacher/calcification', '--out', file);
    const { model, tasks } = JSON.parse(stdout);
    expect(tasks).toEqual(['calcification']);
    const { weights: exported } = fromTorch({ model, patch: training.patch }, readFileSync(file));
    const trained = await weightsOf((await lastCommit('teacher/calcification')).global!.key);
    expect(sorted(exported)).toEqual(sorted(trained));
  });

  test('exports a folder for MONAI and for nnU-Net, with a card, and says what cannot be exported', async () => {
    const stage = [CAMPAIGN.id, 'teacher/calcification', '--out'];
    await fedcardio('export', ...stage, join(folder, 'bundle'), '--format', 'monai-bundle', '--license', 'CC-BY-4.0');
    await fedcardio('export', ...stage, join(folder, 'nnunet'), '--format', 'nnunet');
    const files = (name: string) => readdirSync(join(folder, name), { recursive: true });

    expect(files('bundle')).toEqual(
      expect.arrayContaining(['MODEL_CARD.md', 'configs/inference.json', 'configs/metadata.json']),
    );
    expect(files('nnunet')).toEqual(expect.arrayContaining(['MODEL_CARD.md', 'plans.json', 'dataset.json']));
    const card = readFileSync(join(folder, 'bundle', 'MODEL_CARD.md'), 'utf8');
    for (const fact of ['CC-BY-4.0', (await lastCommit('teacher/calcification')).global!.sha256])
      expect(card).toContain(fact);

    const refused = async (...args: string[]) => (await fedcardio('export', CAMPAIGN.id, 'student', ...args)).stderr;
    expect(await refused('--format', 'nnunet')).toContain('nnU-Net has no Swin UNETR');
    expect(await refused('--format', 'nnunet', '--axes', 'zyx')).toContain('--axes is for --format torch');
    expect(await refused('--head', 'coronary-arteries')).toContain('coronary-arteries');
  });

  test('releases teachers and student with cards and checksums, each time with the same bytes', async () => {
    const { federation, federationStore, siteStore } = local;
    const place = { federation, federationStore, siteStore, campaign: CAMPAIGN.id };
    const out = join(folder, 'release');
    const read = (files: readonly string[]) => files.map((file) => [file, sha256Hex(readFileSync(file))] as const);

    const first = read(await writeRelease(place, out));
    expect(read(await writeRelease(place, out))).toEqual(first);

    const sums = new Map(
      readFileSync(join(out, 'SHA256SUMS'), 'utf8')
        .split('\n')
        .map((line) => [line.slice(66), line.slice(0, 64)]),
    );
    for (const [file, sha256] of first.filter(([name]) => !name.endsWith('SHA256SUMS')))
      expect(sums.get(relative(out, file)), file).toBe(sha256);
    expect([...sums.keys()]).toEqual(
      expect.arrayContaining(['student.safetensors', 'teacher-calcification-monai-bundle/MODEL_CARD.md']),
    );
    expect([...sums.keys()].some((name) => name.startsWith('control'))).toBe(false);
    writeFileSync(join(out, 'notes.txt'), 'mine');
    rmSync(join(out, 'SHA256SUMS'));
    await expect(writeRelease(place, out)).rejects.toThrow('has other files than those of a release');
  });

  test('starts a stage from imported weights, and reports missing ones', async () => {
    const still = { ...training, learningRate: 1e-12, weightDecay: 0 };
    const onward = (id: string, init: string): CampaignInput => ({
      ...CAMPAIGN,
      id,
      stages: [{ ...teacher('calcification', 1), training: still, init } as CampaignInput['stages'][number]],
    });
    const [campaign, exported] = ['campaign.json', 'unet.safetensors'].map((name) => join(folder, name)) as [
      string,
      string,
    ];
    writeFileSync(campaign, JSON.stringify(onward('onward', '0'.repeat(64))));
    const { stdout } = await fedcardio('import', campaign, 'teacher/calcification', exported);
    expect(await local.run(onward('onward', JSON.parse(stdout).init))).toMatchObject({ status: 'completed' });
    const at = (id: string, stage: string, round: number) => federationKeys.commit({ campaign: id, stage, round });
    const started = await read(at('onward', 'teacher/calcification', 1), commitSchema);
    const [weights, expected] = [
      await weightsOf(started.value.global!.key),
      await weightsOf((await lastCommit('teacher/calcification')).global!.key),
    ];
    for (const [name, { data }] of expected) {
      data.forEach((value, i) => {
        if (Math.abs(value - weights.get(name)!.data[i]!) > 1e-6)
          throw new Error(`${name}[${i}] differs from the imported value.`);
      });
    }
    const lost = await local.run(onward('lost', '1'.repeat(64)));
    expect(lost).toMatchObject({
      status: 'failed',
      reason: expect.stringMatching(/init\/lost\/1{64}\.safetensors does not exist/),
    });
  }, 60_000);

  test('predicts files like held-out cases, and continues after an invalid one', async () => {
    const [ct, broken, nan] = ['patient-b9.nii.gz', 'broken.nii.gz', 'nan.nii.gz'].map((name) =>
      join(folder, name),
    ) as [string, string, string];
    const trainedBy = ['--campaign', CAMPAIGN.id, '--stage', 'student'];
    const store = local.siteStore('bonn');
    writeFileSync(ct, (await store.get(siteKeys.image('evaluation', 'patient-b9'))).body);
    writeFileSync(broken, 'not a CT');
    const { shape, affine, data } = readNifti(readFileSync(ct));
    const withNan = Float32Array.from(data);
    withNan[7] = Number.NaN;
    writeFileSync(nan, writeNifti({ shape, affine, data: withNan }));
    const { stdout, code } = await fedcardio('predict', broken, nan, ct, ...trainedBy, '--out', folder);
    const { model, findings, failed } = JSON.parse(stdout);
    expect(code).toBe(1);
    expect(failed).toMatchObject([
      { ct: broken, reason: expect.stringMatching(/not a NIfTI file/) },
      { ct: nan, reason: expect.stringMatching(/^1 of its voxels are NaN/) },
    ]);
    expect(findings.map(({ task }: { task: TaskId }) => task).sort()).toEqual([...TASKS].sort());
    const { sha256 } = (await lastCommit('student')).global!;
    expect(model).toBe(sha256);
    for (const name of ['calcification.nii.gz', 'hinge-points.nii.gz', 'hinge-points.mrk.json']) {
      const file = readFileSync(join(folder, `patient-b9-${name}`));
      expect((name.endsWith('.gz') ? gunzipSync(file) : file).toString('latin1')).toContain(
        `model ${sha256.slice(0, 12)} CT ${sha256Hex(readFileSync(ct)).slice(0, 12)}: for research only`,
      );
    }
    const record = JSON.parse(readFileSync(join(folder, 'patient-b9-prediction.json'), 'utf8'));
    expect(record).toMatchObject({
      model: sha256,
      image: { file: 'patient-b9.nii.gz', sha256: sha256Hex(readFileSync(ct)) },
      purpose: 'for research only, not a medical device',
      findings,
    });
    for (const task of TASKS) {
      const key = siteKeys.prediction(CAMPAIGN.id, 'student', task, 'patient-b9');
      const [here, there] = [readFileSync(join(folder, `patient-b9-${task}.nii.gz`)), await store.get(key)];
      expect(readNifti(here).data).toEqual(readNifti(there.body).data);
    }
    expect(
      readMarkups(
        readFileSync(join(folder, 'patient-b9-hinge-points.mrk.json'), 'utf8'),
        TASK_TABLE['hinge-points'].classes,
      ),
    ).toHaveLength(5);

    const [modelFile, alone] = [join(folder, 'student.safetensors'), join(folder, 'alone')];
    await fedcardio('export', CAMPAIGN.id, 'student', '--format', 'fedcardio', '--out', modelFile);
    const withFile = await promisify(execFile)(
      process.execPath,
      ['bin/fedcardio.mjs', 'predict', ct, '--model', modelFile, '--out', alone, '--json'],
      { env: { ...process.env, AWS_ENDPOINT_URL: 'http://127.0.0.1:1' } },
    );
    expect(JSON.parse(withFile.stdout)).toMatchObject({ campaign: CAMPAIGN.id, stage: 'student', model: sha256 });
    expect(readdirSync(alone).sort()).toEqual(
      readdirSync(folder)
        .filter((name) => name.startsWith('patient-b9-'))
        .sort(),
    );
    for (const name of readdirSync(alone).filter((file) => !file.endsWith('.json') || file.endsWith('.mrk.json')))
      expect(readFileSync(join(alone, name)), name).toEqual(readFileSync(join(folder, name)));
    const page = readFileSync(join(alone, 'patient-b9-prediction.html'), 'utf8');
    expect(page).toContain('For research only, not a medical device.');
    expect(page).not.toMatch(/<script|https?:/);

    const written = readFileSync(join(folder, 'patient-b9-calcification.nii.gz'));
    writeFileSync(ct, writeNifti({ shape, affine, data: Float32Array.from(data, (hu) => hu + 1) }));
    const again = await fedcardio('predict', ct, ...trainedBy, '--out', folder);
    expect(again.code).toBe(1);
    expect(readFileSync(join(folder, 'patient-b9-calcification.nii.gz'))).toEqual(written);
  });

  test('writes nothing about a patient to the federation bucket', async () => {
    const keys = await local.keys(local.federationStore);
    const kinds = new Set(keys.map((key) => /\.[a-z]+$/.exec(key)?.[0]));
    expect(kinds).toEqual(new Set(['.json', '.safetensors']));
    for (const key of keys) {
      const { body } = await local.federationStore.get(key);
      expect(key).not.toContain('patient');
      expect(Buffer.from(body).includes('patient'), key).toBe(false);
    }
  });

  test("writes predictions on each held-out CT's grid to its site's bucket", async () => {
    for (const { site, id, use } of CASES) {
      const store = local.siteStore(site);
      const made = await local.keys(store, `predictions/${CAMPAIGN.id}/student/${id}/`);
      const expected = TASKS.map((task) => siteKeys.prediction(CAMPAIGN.id, 'student', task, id));
      expect(made.sort(), id).toEqual(use === 'evaluation' ? expected.sort() : []);
      const image = readNifti((await store.get(siteKeys.image(use, id))).body);
      for (const key of made) {
        const { shape, affine } = readNifti((await store.get(key)).body);
        expect({ shape, affine }, key).toEqual({ shape: image.shape, affine: image.affine });
      }
    }
  });

  test('scores every model on every held-out case, and each point once', async () => {
    for (const { value } of await updatesOf({ campaign: CAMPAIGN.id, stage: 'evaluate', round: 1 })) {
      const scores = value.status === 'ok' ? (value.scores ?? []) : [];
      expect(scores.map(({ model, task }) => `${model}/${task}`).sort()).toEqual(
        [
          ...['student', 'control'].flatMap((model) => TASKS.map((task) => `${model}/${task}`)),
          'probe/calcification',
        ].sort(),
      );
      for (const { errors, dice } of scores) {
        if (errors) expect(Object.values(errors).map((list) => list.length)).toEqual([1, 1, 1, 1, 1]);
        else expect(dice).toHaveLength(1);
      }
      const comparisons = value.status === 'ok' ? (value.comparisons ?? []) : [];
      expect(comparisons.map(({ first, second, task }) => `${first}-${second}/${task}`).sort()).toEqual(
        TASKS.map((task) => `student-control/${task}`).sort(),
      );
      for (const { within6mm, dice } of comparisons) expect(within6mm ?? dice).toHaveLength(1);
    }
  });

  test('rejects invalid files with a reason and continues with the rest', async () => {
    const store = local.siteStore('kiel');
    const cut = await readJson(store, siteKeys.rejected('patient-cut'), rejectedSchema);
    expect(cut.value.objects).toMatchObject([{ key: siteKeys.image('training', 'patient-cut'), code: 'BAD_IMAGE' }]);
    expect(await local.keys(store, siteKeys.catalog('patient-cut'))).toEqual([]);
    const unknown = await readJson(store, siteKeys.rejected('patient-k1'), rejectedSchema);
    expect(unknown.value.objects).toMatchObject([{ key: 'cases/patient-k1/labels/spleen.nii.gz', code: 'BAD_LABEL' }]);
    const good = await readJson(store, siteKeys.catalog('patient-k1'), catalogSchema);
    expect(Object.keys(good.value.labels)).toEqual(['hinge-points']);
  });

  test('moves a message that always fails, and no other, to the dead-letter queue unchanged', async () => {
    const tasks = names.gpuTaskQueue(local.federation.id, 'kiel');
    const dead = await local.queues.receive(names.deadLetterQueue(tasks), { max: 10, waitSeconds: 5 });
    expect(dead.map(({ body }) => body)).toEqual([POISON]);
    expect(local.log.filter(({ event }) => event === 'record-failed')).toHaveLength(5);
  });

  test('runs a GPU task again after its process was killed', () => {
    const task = 'teacher/hinge-points#2@kiel';
    expect(happened(local, 'retrying')).toEqual([task]);
    expect(happened(local, 'started').filter((name) => name === task)).toHaveLength(2);
    const [retry] = local.tasks.filter((event) => event.type === 'retrying');
    expect(retry?.type === 'retrying' && retry.reason).toContain('SIGKILL');
  });

  const lastCommit = async (stage: string) =>
    (await read(federationKeys.commit({ campaign: CAMPAIGN.id, stage, round: 2 }), commitSchema)).value;
  /** Runs the command line in a child process. */
  async function fedcardio(
    ...words: readonly string[]
  ): Promise<{ readonly stdout: string; readonly stderr: string; readonly code: number }> {
    const place = ['--endpoint', local.endpoint, '--federation', local.federation.id, '--json'];
    return promisify(execFile)(process.execPath, ['bin/fedcardio.mjs', ...words, ...place]).then(
      ({ stdout, stderr }) => ({ stdout, stderr, code: 0 }),
      ({ stdout, stderr, code }: { stdout: string; stderr: string; code: number }) => ({ stdout, stderr, code }),
    );
  }
  const sorted = (weights: Weights) => [...weights].sort(([a], [b]) => (a < b ? -1 : 1));
  const digestOf = async (key: FederationKey) => sha256Hex((await local.federationStore.get(key)).body);
  const weightsOf = async (key: FederationKey) => decodeSafetensors((await local.federationStore.get(key)).body);
});

describe('with every message delivered twice, and a site without its data', () => {
  let local: LocalFederation;
  const campaign = (id: string): CampaignInput => ({
    schema: 'fedcardio.campaign/1',
    id,
    seed: 5,
    stages: [teacher('hinge-points', 2)],
  });

  beforeAll(async () => {
    local = await startLocalFederation({ sites: ['bonn', 'kiel'], duplicates: true });
    await uploadAll(local, ['bonn', 'kiel']);
  }, 120_000);
  afterAll(() => local.close());

  test('a campaign makes the same commits as with single delivery', async () => {
    const single = await startLocalFederation({ sites: ['bonn', 'kiel'] });
    const messages = [1, 2].flatMap((round) =>
      ['bonn', 'kiel'].map((site) => ({
        ...SOMETHING_ELSE,
        federation: local.federation.id,
        campaign: 'twice',
        stage: 'teacher/hinge-points',
        round,
        site,
      })),
    );
    try {
      await uploadAll(single, ['bonn', 'kiel']);
      for (const federation of [local, single]) {
        expect(await federation.run(campaign('twice'))).toMatchObject({ status: 'completed' });
        // The campaign ends when the last update is merged, possibly before its GPU task ends.
        await expect
          .poll(() => happened(federation, 'done'), { timeout: 20_000 })
          .toEqual(happened(federation, 'started'));
      }
      const once = happened(local, 'done');
      expect(once).toEqual(happened(single, 'done'));
      // Second copies arrived while they ran. A third copy arrives after the end.
      for (const message of messages) {
        await local.queues.send(names.gpuTaskQueue(local.federation.id, message.site), JSON.stringify(message));
      }
      await local.idle();
      expect(local.log.filter(({ event }) => event === 'task-not-due').length).toBeGreaterThanOrEqual(messages.length);
      expect(happened(local, 'started')).toEqual(once);
      const written = async ({ keys, federationStore }: LocalFederation) =>
        (await keys(federationStore, '' as FederationKey)).filter((key) => key.includes('/twice/'));
      const named = (keys: readonly string[]) =>
        keys.map((key) => key.replace(/^(models\/.*)\/[0-9a-f]+\./, '$1/model.')).sort();
      expect(named(await written(local))).toEqual(named(await written(single)));
      for (const round of [1, 2]) {
        const stage = 'teacher/hinge-points';
        expect(await finalModel(local, 'twice', stage, round)).toBe(await finalModel(single, 'twice', stage, round));
      }
      expect(local.log.filter(({ event }) => event === 'round-committed')).toHaveLength(2);
    } finally {
      await single.close();
    }
  }, 180_000);

  test('a GPU task without data reports this, and its round closes without it', async () => {
    // The summary still counts a labelled case, because deletions cause no event.
    await local.siteStore('kiel').delete(siteKeys.catalog('patient-k1'));

    expect(await local.run(campaign('gone'))).toMatchObject({ status: 'completed' });

    for (const round of [1, 2]) {
      const at = { campaign: 'gone', stage: 'teacher/hinge-points', round };
      const { value: open } = await readJson(local.federationStore, federationKeys.open(at), openSchema);
      const { value: seal } = await readJson(local.federationStore, federationKeys.seal(at), sealSchema);
      const { value: commit } = await readJson(local.federationStore, federationKeys.commit(at), commitSchema);
      expect(sitesOf(open)).toEqual(['bonn', 'kiel']);
      expect(commit.sites).toEqual(['bonn']);
      expect(seal.failed).toMatchObject([{ site: 'kiel', reason: expect.stringContaining('NO_DATA') }]);
      expect(new Date(commit.at).getTime()).toBeLessThan(new Date(open.deadline).getTime());
    }
    expect(happened(local, 'retrying')).toEqual([]);
  }, 120_000);
});
