import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPageContext } from '../cli/page/context.ts';
import { createPage } from '../cli/page/http/page.ts';
import { startPageServer } from '../cli/page/http/server.ts';
import { createSessions } from '../cli/page/http/sessions.ts';
import { runGpuTask } from '../gpu-tasks/run-gpu-task.ts';
import { gpuTaskContext } from '../gpu-tasks/testing.ts';
import { collect } from '../lib/async.ts';
import { createObjectStorage } from '../lib/aws/objects.ts';
import { importDicom } from '../lib/dicom/import.ts';
import { withoutCases, withoutCasesIn } from '../lib/federation/cloud-logs.ts';
import { type FederationKey, siteKeys } from '../lib/federation/keys.ts';
import type { CampaignInput, Outcome } from '../lib/federation/schemas.ts';
import { TASKS } from '../lib/federation/tasks.ts';
import { names } from '../lib/federation/topology.ts';
import { CT_INTENSITY, intensityOf, normalised } from '../lib/imaging/intensity.ts';
import { writeMarkups } from '../lib/imaging/markups.ts';
import { writeNifti } from '../lib/imaging/nifti-write.ts';
import { generatePhantom } from '../lib/phantom/phantom.ts';
import { scannerOf } from '../lib/phantom/scanner.ts';
import type { FederationStore, SiteStore } from '../lib/storage/contract.ts';
import type { ClosableLauncher } from '../local/platform.ts';
import { pseudoLabels, student, teacher } from './helpers/campaign.ts';
import { type LocalFederation, startLocalFederation } from './helpers/local-federation.ts';
import { type Mark, marksIn, type Needle, needlesOf } from './helpers/marks.ts';

/**
 * Marks in every input of a campaign are searched for in every byte that reached the federation bucket, in what goes to the
 * coordinator's queues and the sites' task queues, in dead letters, in logs as the cloud has them, and in the page's answers to
 * the coordinator. A site's bucket and its intake queue stay with the site.
 */

const INTENSITY = intensityOf(new Int16Array(), CT_INTENSITY);
/** Within the window of the network, and unlike a CT. */
const VOXELS = [1033, -171, 917, -53, 1211, 77, 633, -129, 1117, 211];
const CASE = 'qzvx-kjw4417';
const HELD_OUT = 'qzvx-hlw9923';
const DICOM_CASE = 'qzvx-dcm5561';
/** A DICOM export, whose headers name a patient (scripts/fixtures/dicom.py), and the case that `site import` makes of it. */
const EXPORT = join(import.meta.dirname, 'fixtures', 'dicom', 'explicit');
const SECRET = '42'.repeat(32);
const IMPORTED_CASE = 'pdb7c967f847f-8809129a';
const MARKS: readonly Mark[] = [
  { name: 'descrip', text: 'QZVXdescripW7731' },
  { name: 'aux_file', text: 'QZVXauxW8842' },
  { name: 'intent_name', text: 'QZVXintW993' },
  { name: 'DICOM name', text: 'QZVXPATIENT^JKW' },
  { name: 'DICOM id', text: 'QZVXID66172' },
  { name: 'file name', text: 'qzvxfilename5519' },
  { name: 'text of a label', text: 'QZVXlabeltextW314' },
  { name: 'text of a broken label', text: 'QZVXbrokenW2718' },
  { name: 'case', text: CASE },
  { name: 'held-out case', text: HELD_OUT },
  { name: 'refused case', text: DICOM_CASE },
  { name: 'name in an export', text: 'Secretname' },
  { name: 'id in an export', text: 'SECRETID-4711' },
  { name: 'hospital in an export', text: 'Secrethospital' },
  { name: 'UID in an export', text: '1.2.826.0.1.3680043.10.1338.9' },
  { name: 'secret of the pseudonyms', text: SECRET },
  { name: 'imported case', text: IMPORTED_CASE },
  { name: 'voxels', voxels: VOXELS, normalised: (hu) => normalised(hu, INTENSITY) },
];
const NEEDLES: readonly Needle[] = MARKS.flatMap(needlesOf);
const textOf = (name: string): string => {
  const mark = MARKS.find((one) => one.name === name);
  return mark && 'text' in mark ? mark.text : '';
};

const CAMPAIGN: CampaignInput = {
  schema: 'fedcardio.campaign/1',
  id: 'leak',
  seed: 3,
  stages: [
    teacher('calcification', 1),
    pseudoLabels(['calcification']),
    student('student', ['calcification'], 1, 'pseudo-label'),
    { kind: 'evaluate', name: 'evaluate', models: { student: 'student' }, predictions: 'student' },
  ],
};

/** A phantom whose header and voxels are marked, and its labels. */
async function uploadMarked(
  store: SiteStore,
  use: 'training' | 'evaluation',
  id: string,
  seed: number,
  labelled: boolean,
) {
  const scanner = { ...scannerOf(seed, 1), pixelMm: 3.1, sliceMm: 3.7 };
  const { image, masks, points } = generatePhantom({ seed, scanner, fieldOfViewMm: 96 });
  const [nx, ny, nz] = image.shape;
  const data = Int16Array.from(image.data);
  // In every plane, so that every crop and patch has some.
  for (let z = 0; z < nz; z++) data.set(VOXELS, (z * ny + Math.floor(ny / 2)) * nx + Math.floor(nx / 2) - 5);
  await store.put(siteKeys.image(use, id), withMarkedHeader(writeNifti({ ...image, data })));
  if (!labelled) return;
  await store.put(siteKeys.label(use, id, 'calcification'), withMarkedHeader(writeNifti(masks.calcification)));
  const landmarks = points['hinge-points'].map((position, index) => ({ label: index + 1, position }));
  const markups = writeMarkups(landmarks, TASKS['hinge-points'].classes);
  const marked = JSON.stringify({ ...JSON.parse(markups), note: textOf('text of a label') });
  await store.put(siteKeys.markups(use, id, 'hinge-points'), marked);
}

/** Writes the marks into the texts of a NIfTI-1 header. */
function withMarkedHeader(file: Uint8Array): Uint8Array {
  const bytes = Buffer.from(gunzipSync(file));
  bytes.write(textOf('descrip'), 148, 80, 'latin1');
  bytes.write(textOf('aux_file'), 228, 24, 'latin1');
  bytes.write(textOf('intent_name'), 328, 16, 'latin1');
  return gzipSync(bytes);
}

/** A DICOM file of a patient, which is no NIfTI file: intake refuses it. */
const dicomFile = (): Uint8Array => {
  const element = (group: number, number: number, vr: string, value: string) => {
    const padded = value.length % 2 === 0 ? value : `${value} `;
    const head = Buffer.alloc(8);
    head.writeUInt16LE(group, 0);
    head.writeUInt16LE(number, 2);
    head.write(vr, 4, 'latin1');
    head.writeUInt16LE(padded.length, 6);
    return Buffer.concat([head, Buffer.from(padded, 'latin1')]);
  };
  const elements = [element(0x10, 0x10, 'PN', textOf('DICOM name')), element(0x10, 0x20, 'LO', textOf('DICOM id'))];
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), ...elements]);
};

/** Uploads the CT that the import makes of the export. */
async function uploadImported(store: SiteStore, folder: string): Promise<void> {
  const secretDir = join(folder, 'pseudonyms');
  mkdirSync(secretDir);
  writeFileSync(join(secretDir, 'secret'), SECRET);
  const { series } = await importDicom(EXPORT, folder, { secretDir });
  expect(series).toMatchObject([{ case: IMPORTED_CASE }]);
  await store.put(siteKeys.image('training', IMPORTED_CASE), readFileSync(join(folder, IMPORTED_CASE, 'image.nii.gz')));
}

/** Keeps every body that is written, whether or not it is replaced later, with its key. */
function recording(store: FederationStore, seen: Map<string, Uint8Array>): FederationStore {
  let count = 0;
  const keep = (key: FederationKey, body: Uint8Array | string) => {
    seen.set(`${key} #${++count}`, typeof body === 'string' ? Buffer.from(body) : body);
  };
  return {
    ...store,
    put: (key, body, options) => {
      keep(key, body);
      return store.put(key, body, options);
    },
    putIfAbsent: (key, body) => {
      keep(key, body);
      return store.putIfAbsent(key, body);
    },
    putParts: async (key, parts) => {
      const whole = Buffer.concat(await collect(parts));
      keep(key, whole);
      return store.put(key, whole);
    },
  };
}

describe('marks of every input', () => {
  let local: LocalFederation;
  let outcome: Outcome;
  const folder = mkdtempSync(join(tmpdir(), 'fedcardio-leak-'));
  const written = new Map<string, Uint8Array>();
  const messages = new Map<string, Uint8Array>();
  const logs: string[] = [];

  beforeAll(async () => {
    local = await startLocalFederation({
      sites: ['bonn', 'kiel'],
      launcher: (context): ClosableLauncher => ({
        submit: async (message) => {
          const task = await gpuTaskContext(context, message.site);
          const log = (event: string, fields: Readonly<Record<string, unknown>>) =>
            logs.push(JSON.stringify({ event, ...withoutCasesIn(fields) }));
          runGpuTask(message, { ...task.context, now: context.now, log }).catch((error) =>
            logs.push(withoutCases(String(error))),
          );
        },
      }),
      extend: ({ federationStore, queues }) => ({
        federationStore: recording(federationStore, written),
        queues: {
          ...queues,
          send: (queue, body) => {
            messages.set(`${queue} #${messages.size}`, Buffer.from(body));
            return queues.send(queue, body);
          },
        },
      }),
    });
    const bonn = local.siteStore('bonn');
    await uploadMarked(bonn, 'training', CASE, 1, true);
    await uploadMarked(bonn, 'training', `${CASE}-b`, 2, false);
    await uploadMarked(bonn, 'evaluation', HELD_OUT, 3, true);
    await uploadMarked(local.siteStore('kiel'), 'training', `${CASE}-k`, 4, true);
    await uploadMarked(local.siteStore('kiel'), 'evaluation', `${HELD_OUT}-k`, 5, true);
    await bonn.put(siteKeys.image('training', DICOM_CASE), dicomFile());
    await uploadImported(bonn, folder);
    await bonn.put(
      siteKeys.ofEvent(`cases/${CASE}/labels/${textOf('file name')}.nii.gz`),
      textOf('text of a broken label'),
    );
    await bonn.put(siteKeys.label('training', `${CASE}-b`, 'membranous-septum'), textOf('text of a broken label'));
    // It ends as a dead letter.
    await local.queues.send(names.gpuTaskQueue(local.federation.id, 'kiel'), '{"not": "a task"}');
    await local.idle();
    outcome = await local.run(CAMPAIGN);
  }, 300_000);
  afterAll(async () => {
    await local?.close();
    rmSync(folder, { recursive: true });
  });

  const leaks = (things: Iterable<readonly [string, Uint8Array]>): readonly string[] =>
    [...things].flatMap(([name, bytes]) => marksIn(bytes, NEEDLES).map((mark) => `${name}: ${mark}`));

  test('are in the inputs, and the campaign used them', async () => {
    expect(outcome).toMatchObject({ status: 'completed' });
    const inputs = await Promise.all(
      (await collect(local.siteStore('bonn').list(siteKeys.ofEvent('')))).map(
        async ({ key }) => [key, (await local.siteStore('bonn').get(key)).body] as const,
      ),
    );
    const exported = readdirSync(EXPORT).map((name) => [name, readFileSync(join(EXPORT, name))] as const);
    const secret = ['secret', Buffer.from(SECRET)] as const;
    const found = new Set(
      [...inputs, ...exported, secret]
        .flatMap(([key, body]) => [...marksIn(Buffer.from(key), NEEDLES), ...marksIn(body, NEEDLES)])
        .map((mark) => mark.split(' (')[0]),
    );
    expect([...found].sort()).toEqual(MARKS.map(({ name }) => name).sort());
    expect([...written.keys()].filter((key) => /evaluate.*report\.update\.json/.test(key)).length).toBeGreaterThan(0);
  });

  test('are in no byte and no key that reached the federation bucket, in any version', async () => {
    const keys = await collect(local.federationStore.list('' as FederationKey));
    const stored = await Promise.all(
      keys.map(async ({ key }) => [key, (await local.federationStore.get(key)).body] as const),
    );

    expect(written.size).toBeGreaterThan(20);
    expect(leaks(keys.map(({ key }) => [key, Buffer.from(key)]))).toEqual([]);
    expect(leaks(stored)).toEqual([]);
    expect(leaks(written)).toEqual([]);
  });

  test('are in no message to the coordinator or to GPU tasks, and in no dead letter of theirs', async () => {
    const { id, sites } = local.federation;
    const queues = [
      ...sites.map((site) => names.gpuTaskQueue(id, site.id)),
      names.orchestrateQueue(id),
      names.aggregateQueue(id),
    ];
    const letters = new Map<string, Uint8Array>();
    for (const queue of queues) {
      for (const { body, id: letter } of await local.queues.receive(names.deadLetterQueue(queue), {
        max: 10,
        waitSeconds: 0,
      })) {
        letters.set(`${queue} ${letter}`, Buffer.from(body));
      }
    }

    expect(messages.size).toBeGreaterThan(5);
    expect(letters.size).toBeGreaterThan(0);
    expect(leaks(messages)).toEqual([]);
    expect(leaks(letters)).toEqual([]);
  });

  test('are in no line that functions and GPU tasks log in the cloud, nor in their errors', () => {
    const ofHandlers = local.log.map(({ event, fields }) => JSON.stringify({ event, ...withoutCasesIn(fields) }));

    expect(ofHandlers.length + logs.length).toBeGreaterThan(10);
    expect(leaks([...ofHandlers, ...logs].map((line) => [line.slice(0, 200), Buffer.from(line)]))).toEqual([]);
  });

  test('are in no answer of the page to the coordinator', async () => {
    writeFileSync(join(folder, 'index.html'), '');
    const openBucket = createObjectStorage({ endpoint: local.endpoint });
    const context = createPageContext({ id: local.federation.id, declared: local.federation, openBucket });
    const sessions = createSessions();
    const { respond } = createPage({ prefix: '/', folder, context, sessions, onFailure: () => undefined });
    const server = await startPageServer(0, respond, () => undefined);
    const origin = `http://127.0.0.1:${server.port}`;
    const opened = await fetch(`${origin}/?token=${sessions.token()}`, { redirect: 'manual' });
    const cookie = (opened.headers.get('set-cookie') ?? '').split(';')[0] as string;
    const of = `campaigns/${CAMPAIGN.id}`;
    const paths = [
      'session',
      'campaigns',
      of,
      `${of}/curves?stage=student`,
      `${of}/results`,
      `${of}/chain`,
      'operations/failures',
      'operations/releases',
      'operations/forecast',
    ];
    const answers: [string, Uint8Array, number][] = [];
    for (const path of paths) {
      const response = await fetch(`${origin}/api/v1/${path}`, { headers: { cookie } });
      answers.push([path, new Uint8Array(await response.arrayBuffer()), response.status]);
    }
    await server.close();

    expect(answers.filter(([, , status]) => status !== 200).map(([path, , status]) => `${path} ${status}`)).toEqual([]);
    expect(leaks(answers.map(([path, body]) => [path, body]))).toEqual([]);
  });
});

describe('the search', () => {
  const noise = Buffer.from(Array.from({ length: 999 }, (_, i) => (i * 7919) % 256));

  test.each(NEEDLES.map((needle) => [needle.mark, needle.encoding, needle] as const))(
    'finds %s as %s',
    (mark, encoding, needle) => {
      for (const lead of [0, 1, 2, 3]) {
        expect(marksIn(Buffer.concat([noise.subarray(0, lead), needle.bytes, noise]), NEEDLES)).toContain(
          `${mark} (${encoding})`,
        );
      }
    },
  );

  test.each(MARKS.map((mark) => [mark.name, mark] as const))(
    'finds %s in a text, encoded as programs do',
    (name, mark) => {
      const raw = needlesOf(mark)[0]?.bytes as Buffer;
      for (const lead of [0, 1, 2]) {
        const whole = Buffer.concat([noise.subarray(0, lead), raw, noise.subarray(0, 50)]);
        for (const text of [whole.toString('base64'), whole.toString('base64url'), whole.toString('hex')]) {
          expect(marksIn(Buffer.from(JSON.stringify({ text })), NEEDLES).some((found) => found.startsWith(name))).toBe(
            true,
          );
        }
        const packed = gzipSync(gzipSync(whole));
        expect(marksIn(Buffer.concat([noise, packed]), NEEDLES).some((found) => found.startsWith(name))).toBe(true);
        expect(
          marksIn(Buffer.concat([noise, gzipSync(whole), noise]), NEEDLES).some((found) => found.startsWith(name)),
        ).toBe(true);
      }
    },
  );

  test('finds nothing in noise', () => {
    expect(marksIn(noise, NEEDLES)).toEqual([]);
  });
});
