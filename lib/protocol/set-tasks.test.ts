import { beforeEach, describe, expect, test } from 'vitest';
import { FEDERATION_ACCESS, siteAccess } from '../federation/access.ts';
import { federationKeys } from '../federation/keys.ts';
import { type Federation, summarySchema, taskListSchema } from '../federation/schemas.ts';
import { DEFAULT_TASKS, TASKS, type Task } from '../federation/tasks.ts';
import { enforceAccess } from '../storage/access-view.ts';
import { readJson, tryReadJson, writeDocument } from '../storage/documents.ts';
import { readTasks } from '../storage/federation-tasks.ts';
import { storesOf } from '../storage/stores.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { publishTasks } from './publish-tasks.ts';
import { parseTaskFile, setTasks, taskChanges } from './set-tasks.ts';

const AORTA: Task = { id: 'aorta', kind: 'segmentation', title: 'Aorta', classes: ['root', 'lumen'] };
const FEDERATION: Federation = { schema: 'fedcardio.federation/1', id: 'heart', sites: [{ id: 'bonn', name: 'Bonn' }] };

let store: ReturnType<typeof storesOf>['federationStore'];
let logged: string[];
beforeEach(() => {
  store = storesOf(createMemoryStorage(), 'heart').federationStore;
  logged = [];
});

const contextOf = (tasks?: readonly Task[]) => ({
  federation: { ...FEDERATION, ...(tasks && { tasks: [...tasks] }) },
  federationStore: store,
  now: () => new Date(0),
  log: (event: string) => void logged.push(event),
});
const publish = (tasks?: readonly Task[]) => publishTasks(contextOf(tasks));
const set = (tasks: readonly Task[], force = false) => setTasks(contextOf(), tasks, { force });
const published = () => tryReadJson(store, federationKeys.tasks, taskListSchema);
const idsOf = async (declared?: readonly Task[]) => (await readTasks(contextOf(declared))).map(({ id }) => id);

async function labels(task: string, training: number, evaluation: number): Promise<void> {
  const summary = {
    schema: 'fedcardio.summary/1' as const,
    site: 'bonn',
    at: new Date(0).toISOString(),
    cases: { training: 1, evaluation: 1, rejected: 0 },
    labelled: { [task]: training },
    labelledEvaluation: { [task]: evaluation },
  };
  await writeDocument(store, federationKeys.summary('bonn'), summarySchema, summary);
}

describe('the tasks of a federation are', () => {
  test('those that are stored, else those of federation.json, else the default ones', async () => {
    expect(await idsOf()).toEqual(DEFAULT_TASKS.map(({ id }) => id));
    expect(await idsOf([AORTA])).toEqual(['aorta']);

    await set([TASKS.calcification]);

    expect(await idsOf()).toEqual(['calcification']);
    expect(await idsOf([AORTA])).toEqual(['calcification']);
  });

  test('refused if what is stored is no list of tasks', async () => {
    await store.put(federationKeys.tasks, '{"schema":"fedcardio.tasks/1","tasks":[]}');

    await expect(idsOf()).rejects.toThrow('tasks');
  });
});

describe('federation.json', () => {
  test('publishes its tasks once', async () => {
    await publish([AORTA]);
    const first = await published();
    await publish([AORTA]);

    expect(first?.value.tasks).toEqual([AORTA]);
    expect((await published())?.etag).toBe(first?.etag);
    expect(logged).toEqual(['tasks-published']);
  });

  test('leaves a list alone that a person stored if it declares none', async () => {
    await store.put(federationKeys.tasks, JSON.stringify({ schema: 'fedcardio.tasks/1', tasks: [AORTA] }));

    await publish();

    expect(await idsOf()).toEqual(['aorta']);
    expect(logged).toEqual([]);
  });

  test('does not undo what was set since, until it declares other tasks', async () => {
    await publish([AORTA]);
    await set([AORTA, TASKS.calcification]);
    await publish([AORTA]);
    expect(await idsOf()).toEqual(['aorta', 'calcification']);

    await publish([TASKS['coronary-arteries']]);

    expect(await idsOf()).toEqual(['coronary-arteries']);
  });

  test('replaces a list that cannot be read', async () => {
    await store.put(federationKeys.tasks, 'not JSON');

    await publish([AORTA]);

    expect(await idsOf()).toEqual(['aorta']);
  });
});

describe('the roles', () => {
  test.each(Object.entries(siteAccess('bonn')))('%s of a site cannot set tasks', async (role, { federation }) => {
    await set([AORTA]);
    const own = enforceAccess(store, federation);

    await expect(own.put(federationKeys.tasks, '{}')).rejects.toThrow('AccessDenied');
    const reading = readTasks({ federation: FEDERATION, federationStore: own });
    if (['intake', 'rescan', 'upload', 'withdraw'].includes(role)) expect(await reading).toEqual([AORTA]);
    else await expect(reading).rejects.toThrow('AccessDenied');
  });

  test('research and sweep of the coordinator can set tasks, the others cannot', async () => {
    for (const [role, access] of Object.entries(FEDERATION_ACCESS)) {
      const own = { ...contextOf([TASKS.calcification]), federationStore: enforceAccess(store, access) };
      const setting = Promise.all([setTasks(own, [AORTA], { force: true })]);
      if (role === 'research' || role === 'sweep') expect(await setting).toHaveLength(1);
      else await expect(setting, role).rejects.toThrow('AccessDenied');
      await store.delete(federationKeys.tasks);
    }
  });
});

describe('setting tasks', () => {
  test('tells what is added, removed, changed, and what means something else', () => {
    const before = [AORTA, TASKS.calcification, TASKS['membranous-septum']];
    const after: Task[] = [
      { ...AORTA, classes: ['lumen', 'root'] },
      { ...TASKS.calcification, title: 'Calcium' },
      TASKS['coronary-arteries'],
    ];

    expect(taskChanges(before, after)).toEqual([
      { task: 'aorta', change: 'new meaning' },
      { task: 'calcification', change: 'changed' },
      { task: 'coronary-arteries', change: 'added' },
      { task: 'membranous-septum', change: 'removed' },
    ]);
  });

  test('writes nothing if the list is the same', async () => {
    expect(await set(DEFAULT_TASKS)).toEqual([]);
    expect(await published()).toBeUndefined();
  });

  test.each([
    ['of training cases', 1, 0],
    ['of held-out cases', 0, 1],
  ])('refuses other classes while a site has labels %s, unless it is forced', async (_what, training, evaluation) => {
    await set([AORTA]);
    await labels('aorta', training, evaluation);
    const swapped: Task = { ...AORTA, classes: ['lumen', 'root'] };

    await expect(set([swapped])).rejects.toMatchObject({
      code: 'BAD_CONFIGURATION',
      message: 'Sites have labels of tasks that would change: aorta gets other classes (labels at bonn).',
    });
    await expect(set([TASKS.calcification])).rejects.toThrow('aorta is removed (labels at bonn)');
    expect(await idsOf()).toEqual(['aorta']);
    await set([swapped], true);
    expect((await readJson(store, federationKeys.tasks, taskListSchema)).value.tasks).toEqual([swapped]);
  });

  test.each([
    ['of a newer release', '{"schema":"fedcardio.summary/2","site":"bonn"}'],
    ['that is no JSON', '{'],
  ])('refuses other classes if the summary of a site cannot be read: %s', async (_, summary) => {
    await set([AORTA]);
    await store.put(federationKeys.summary('bonn'), summary);

    await expect(set([TASKS.calcification])).rejects.toThrow('aorta is removed (the summary of bonn cannot be read)');
    await set([TASKS.calcification], true);
    expect(await idsOf()).toEqual(['calcification']);
  });

  test('allows what does not touch labels that exist', async () => {
    await labels('aorta', 0, 0);
    await set([AORTA]);
    await labels('aorta', 3, 1);

    await set([{ ...AORTA, title: 'Ascending aorta', plausibleVolumeMm3: [1, 9] }, TASKS.calcification]);

    expect(await idsOf()).toEqual(['aorta', 'calcification']);
  });

  test('reads tasks.json and federation.json, and refuses one without tasks', () => {
    const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
    expect(parseTaskFile(bytes({ schema: 'fedcardio.tasks/1', tasks: [AORTA] }), 't.json')).toEqual([AORTA]);
    expect(parseTaskFile(bytes({ ...FEDERATION, tasks: [AORTA] }), 'f.json')).toEqual([AORTA]);
    expect(() => parseTaskFile(bytes(FEDERATION), 'f.json')).toThrow('f.json declares no tasks.');
    expect(() => parseTaskFile(bytes([AORTA]), 't.json')).toThrow('t.json');
    expect(() => parseTaskFile(Buffer.from('{'), 't.json')).toThrow('t.json');
  });
});
