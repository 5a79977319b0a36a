import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DEFAULT_TASKS } from '../../lib/federation/tasks.ts';
import { readMaterial } from './material.ts';
import { prepareOut } from './out-dir.ts';
import type { TrainRequest } from './request.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fedcardio-material-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(name: string, body = ''): string {
  const file = join(root, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, body);
  return file;
}
const writeCase = (site: string, id: string, ...tasks: readonly string[]) => {
  write(`${site}/${id}/image.nii.gz`);
  for (const task of tasks) write(`${site}/${id}/labels/${task}.nii.gz`);
};
const writeCampaign = (task: string, sites?: readonly string[]) => {
  const model = { kind: 'unet', features: [4, 8] };
  const stage = { kind: 'teacher', name: 'teacher', task, rounds: 1, model, training: { steps: 1, learningRate: 1 } };
  const campaign = { schema: 'fedcardio.campaign/1', id: 'c', stages: [{ ...stage, ...(sites && { sites }) }] };
  return write('campaign.json', JSON.stringify(campaign));
};
const request = (sites: readonly string[], more: Partial<TrainRequest> = {}): TrainRequest => ({
  sites: sites.map((id) => ({ id, dir: join(root, id) })),
  campaign: null,
  federation: null,
  simulateSites: null,
  heldOut: 0.2,
  seed: 1,
  quick: false,
  ...more,
});
const outline = (asked: TrainRequest) =>
  readMaterial(asked).sites.map(({ id, cases }) => `${id}: ${cases.map((one) => `${one.id} ${one.use}`).join(', ')}`);

describe('readMaterial', () => {
  test('makes a federation of the folders, with the default tasks', () => {
    writeCase('bonn', 'p1', 'calcification');
    writeCase('jena', 'p2');

    expect(readMaterial(request(['bonn', 'jena'])).federation).toEqual({
      schema: 'fedcardio.federation/1',
      id: 'fedcardio',
      sites: [
        { id: 'bonn', name: 'Bonn' },
        { id: 'jena', name: 'Jena' },
      ],
    });
    expect(outline(request(['bonn', 'jena']))).toEqual(['bonn: p1 training', 'jena: p2 training']);
  });

  test('leaves out folders without a CT, and names them', () => {
    writeCase('bonn', 'p1', 'calcification');
    write('bonn/notes/readme.txt');

    expect(readMaterial(request(['bonn']))).toMatchObject({
      leftOut: [{ name: 'bonn/notes', reason: 'it has no image.nii.gz' }],
      sites: [{ cases: [{ id: 'p1' }] }],
    });
  });

  test('says where a CT is whose labels are on the other side', () => {
    writeCase('bonn/cases', 'p1', 'calcification');
    writeCase('bonn/held-out', 'p2', 'calcification');
    write('bonn/cases/p2/labels/hinge-points.nii.gz');

    const reason = 'its labels lie in cases/, its CT in held-out/; put them into one folder';
    expect(readMaterial(request(['bonn'])).leftOut).toEqual([{ name: 'bonn/p2', reason }]);
  });

  test('adds the tasks of nnU-Net to those of the federation, once', () => {
    const labels = { background: 0, aorta: 1 };
    for (const site of ['bonn', 'jena']) {
      write(`${site}/dataset.json`, JSON.stringify({ name: 'Vessel', channel_names: { 0: 'CT' }, labels }));
      write(`${site}/imagesTr/${site}_0000.nii.gz`);
      write(`${site}/labelsTr/${site}.nii.gz`);
    }

    const { federation, tasks } = readMaterial(request(['bonn', 'jena']));

    expect(federation.tasks).toEqual(tasks);
    expect(tasks.map(({ id }) => id)).toEqual([...DEFAULT_TASKS.map(({ id }) => id), 'vessel']);
  });

  test('takes tasks and names from a federation.json', () => {
    writeCase('bonn', 'p1', 'aorta');
    const tasks = [{ id: 'aorta', kind: 'segmentation', title: 'Aorta', classes: ['aorta'] }];
    const sites = [{ id: 'bonn', name: 'Universitätsklinikum Bonn' }];
    const federation = write('f.json', JSON.stringify({ schema: 'fedcardio.federation/1', id: 'heart', tasks, sites }));

    expect(readMaterial(request(['bonn'], { federation })).federation).toMatchObject({ id: 'heart', tasks, sites });
  });

  test('deals one folder out', () => {
    for (let index = 0; index < 10; index++) writeCase('all', `p${index}`, 'calcification');

    const { sites } = readMaterial(request(['all'], { simulateSites: 4 }));

    expect(sites.map(({ id, cases }) => `${id} ${cases.length}`)).toEqual(['all-1 3', 'all-2 3', 'all-3 2', 'all-4 2']);
  });
});

describe('cases that site import has named', () => {
  test('are held out and dealt out by patient', () => {
    for (const patient of 'abcdef') {
      for (const scan of '123') writeCase('all', `p00000000000${patient}-0000000${scan}`, 'calcification');
    }

    const { sites, onBothSides } = readMaterial(request(['all'], { simulateSites: 4 }));

    expect(onBothSides).toEqual([]);
    const patients = sites.flatMap(({ cases }) => [...new Set(cases.map(({ id }) => id.slice(0, 13)))]);
    expect(patients.toSorted().join()).toBe([...new Set(patients)].sort().join());
    const asked = request(['all'], { simulateSites: 6 });
    expect(() => readMaterial(asked)).toThrow('Training CTs of 5 patients are too few for 6 sites.');
  });

  test('and that the folders put on both sides are told', () => {
    writeCase('bonn/cases', 'p00000000000a-00000001', 'calcification');
    writeCase('bonn/cases', 'p00000000000b-00000001', 'calcification');
    writeCase('bonn/held-out', 'p00000000000a-00000002', 'calcification');
    // Not one patient: sites give such names on their own.
    writeCase('bonn/cases', 'p1', 'calcification');
    writeCase('jena/held-out', 'p1', 'calcification');

    expect(readMaterial(request(['bonn', 'jena'])).onBothSides).toEqual(['p00000000000a']);
  });
});

describe('readMaterial refuses', () => {
  const refused = (asked: TrainRequest) => expect(() => readMaterial(asked));

  test('two sites with one name or one folder', () => {
    writeCase('bonn', 'p1', 'calcification');
    const dir = join(root, 'bonn');

    refused(request(['bonn', 'bonn'])).toThrow('Two sites have the name "bonn".');
    refused({
      ...request(['bonn']),
      sites: [
        { id: 'a', dir },
        { id: 'b', dir: `${dir}/.` },
      ],
    }).toThrow('the same folder');
  });

  test('a site without CTs', () => {
    writeCase('bonn', 'p1', 'calcification');
    write('jena/readme.txt');

    refused(request(['bonn', 'jena'])).toThrow('jena holds no CT: it has readme.txt.');
  });

  test('no labels, labels of unknown tasks, and labels of held-out cases alone', () => {
    writeCase('none', 'p1');
    writeCase('unknown', 'p1', 'calcifcation');
    writeCase('held', 'cases/p1');
    writeCase('held', 'held-out/p2', 'calcification');

    refused(request(['none'])).toThrow('No case has a label');
    refused(request(['unknown'])).toThrow('No label is of a known task: found calcifcation');
    refused(request(['held'])).toThrow('All labelled cases are held out.');
  });

  test('a campaign that names what no folder has', () => {
    writeCase('bonn', 'p1', 'calcification');
    const asked = (campaign: string) => request(['bonn'], { campaign });

    refused(asked(writeCampaign('calcifcation'))).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('"calcification"') }),
    );
    refused(asked(writeCampaign('hinge-points'))).toThrow('no folder has training labels of it');
    refused(asked(writeCampaign('calcification', ['bon']))).toThrow(
      expect.objectContaining({ hint: 'Did you mean "bonn"?' }),
    );
    expect(readMaterial(asked(writeCampaign('calcification', ['bonn']))).campaign?.id).toBe('c');
  });

  test('more simulated sites than training CTs, and several folders to deal out', () => {
    writeCase('a', 'p1', 'calcification');
    writeCase('b', 'p1', 'calcification');

    refused(request(['a'], { simulateSites: 2 })).toThrow('1 training CTs are too few for 2 sites.');
    refused(request(['a', 'b'], { simulateSites: 2 })).toThrow('2 were given');
  });
});

describe('prepareOut', () => {
  test('creates the folder, and refuses to replace results', () => {
    const out = join(root, 'a/b');

    prepareOut(out, null, false);
    const own = write('a/b/campaign.json');

    expect(() => prepareOut(out, null, false)).toThrow('campaign.json exists');
    expect(() => prepareOut(out, null, true)).not.toThrow();
    expect(() => prepareOut(out, own, false)).not.toThrow();
  });

  test('refuses a folder that cannot be written', () => {
    const file = write('file');

    expect(() => prepareOut(join(file, 'out'), null, false)).toThrow(
      expect.objectContaining({ name: 'FedcardioError' }),
    );
  });
});
