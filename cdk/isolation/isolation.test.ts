import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { FEDERATION_ROLES, MACHINE_ROLE, SITE_ROLES } from '../../lib/federation/topology.ts';
import { FEDERATION_BUCKET_OF_COORDINATOR, FEDERATION_BUCKET_OF_MACHINE, OWN_BUCKET, parseTable } from './design.ts';
import { isolationDocument } from './document.ts';
import { FEDERATION, synthesizeAll } from './example-federation.ts';
import { onKey, onObject, onQueue, tableOf } from './matrix.ts';
import type { Policy, Statement } from './resolve.ts';
import { type Caller, isAllowed } from './simulate.ts';
import { federationObjects, SITE_OBJECTS } from './subjects.ts';
import { type Comparison, callersOf, compareCoordinator, compareMachine, compareSite } from './tables.ts';
import { type Guarded, type Role, readWorld, type World } from './world.ts';

let world: World;
/** Comparisons for Bonn and Graz, each with the coordinator, and for the on-premises sites. Made once, since each cell needs several evaluations. */
let compared: Readonly<Record<'bonn' | 'graz' | 'kiel' | 'jena', readonly Comparison[]>>;
beforeAll(async () => {
  world = readWorld(synthesizeAll(FEDERATION));
  const all = async (site: string, other: string) => [
    ...(await compareSite(world, site, other)),
    ...(await compareCoordinator(world, site)),
  ];
  compared = {
    bonn: await all('bonn', 'ulm'),
    graz: await all('graz', 'bonn'),
    kiel: await compareMachine(world, 'kiel', 'ulm'),
    jena: await compareMachine(world, 'jena', 'graz'),
  };
}, 180_000);

/** Bonn and Ulm are in the coordinator's account, Graz has its own account. */
const SITES = ['bonn', 'ulm', 'graz'] as const;
const EVERYTHING: Policy = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };

const role = (name: string) => world.roles.get(name) as Role;
const bucket = (name: string) => world.buckets.get(name) as Guarded;
const only = (text: string) => (cell: string) => [...cell].filter((letter) => text.includes(letter)).join('');
const cellsOf = (table: Awaited<ReturnType<typeof tableOf>>) =>
  Object.values(table).flatMap((row) => Object.values(row));

describe('the policies', () => {
  test.for(['bonn', 'graz', 'kiel', 'jena'] as const)(
    'allow the roles of %s and of the coordinator exactly what the design allows',
    (site) => {
      for (const { title, expected, actual } of compared[site]) expect(actual, title).toEqual(expected);
    },
  );

  test('match docs/security.md', () => {
    const document = readFileSync('docs/security.md', 'utf8');
    expect(document, 'The document is stale: run `npm run docs`.').toContain(
      isolationDocument([...compared.bonn.slice(0, 3), ...compared.kiel, ...compared.bonn.slice(3)]),
    );
  });

  test('allow neither a site nor the coordinator anything in the bucket of another site', async () => {
    const callers = {
      ...callersOf(world, 'heart', FEDERATION_ROLES),
      ...callersOf(world, 'heart-bonn', SITE_ROLES),
      ...callersOf(world, 'heart-kiel', [MACHINE_ROLE]),
    };
    for (const other of ['ulm', 'graz']) {
      const table = await tableOf(world, onObject(`heart-site-${other}`), SITE_OBJECTS, callers);
      expect(new Set(cellsOf(table)), other).toEqual(new Set(['.']));
    }
  });

  test('allow the coordinator to send to the queue of an on-premises site, and no more', async () => {
    const callers = callersOf(world, 'heart', FEDERATION_ROLES);
    const nothing = Object.fromEntries(FEDERATION_ROLES.map((name) => [name, '.']));
    const queues = { tasks: 'heart-kiel-tasks', letters: 'heart-kiel-tasks-dlq' };

    expect(await tableOf(world, onQueue, queues, callers)).toEqual({
      tasks: { ...nothing, orchestrate: 's', sweep: 's' },
      letters: nothing,
    });
  });

  test('deny a coordinator whose roles allow everything to read the bucket of a site', async () => {
    const callers = callersOf(world, 'heart', FEDERATION_ROLES);
    const mistaken = Object.fromEntries(
      Object.entries(callers).map(([name, caller]) => [name, { ...(caller as Role), policies: [EVERYTHING] }]),
    );
    for (const site of SITES) {
      const table = await tableOf(world, onObject(`heart-site-${site}`), SITE_OBJECTS, mistaken);
      expect(cellsOf(table).map(only('r')).join(''), site).toBe('');
    }
  });

  test.for([
    ['bonn', 'task'],
    ['kiel', MACHINE_ROLE],
  ])(
    'deny %s whose %s role allows everything to write a link of the chain or a model anywhere',
    async ([site = '', name = '']) => {
      const task = { ...role(`heart-${site}-${name}`), policies: [EVERYTHING] };
      const table = await tableOf(world, onObject('heart-federation'), federationObjects(site, 'ulm'), { task });
      const guarded = [
        'plan',
        'open',
        'sent',
        'lease',
        'noise',
        'seal',
        'commit',
        'global',
        'state',
        'forged open',
        'forged seal',
      ];
      for (const name of guarded) expect(table[name]?.task, name).not.toMatch(/[cw]/);
    },
  );

  const mightyOf = (callers: Readonly<Record<string, Caller>>) =>
    Object.fromEntries(
      Object.entries(callers).map(([name, caller]) => [name, { ...(caller as Role), policies: [EVERYTHING] }]),
    );

  test.for(['bonn', 'graz'])(
    'allow the roles of %s in its own bucket what the design allows, even if they were granted everything',
    async (site) => {
      const mighty = mightyOf(callersOf(world, `heart-${site}`, SITE_ROLES));
      const table = await tableOf(world, onObject(`heart-site-${site}`), SITE_OBJECTS, mighty);
      expect(table).toEqual(parseTable(OWN_BUCKET));
    },
  );

  test('allow the roles of the coordinator in its bucket what the design allows, even if they were granted everything', async () => {
    const expected = parseTable(FEDERATION_BUCKET_OF_COORDINATOR);
    const objects: Readonly<Record<string, string>> = federationObjects('', 'bonn');
    const rows = Object.fromEntries(Object.keys(expected).map((row) => [row, objects[row] as string]));
    const mighty = mightyOf(callersOf(world, 'heart', FEDERATION_ROLES));
    expect(await tableOf(world, onObject('heart-federation'), rows, mighty)).toEqual(expected);
  });

  test.for([
    ['bonn', 'ulm', 'task'],
    ['graz', 'bonn', 'task'],
    ['kiel', 'jena', MACHINE_ROLE],
  ] as const)(
    'allow a role of %s in the federation bucket what its site may do, even if it was granted everything',
    async ([site, other, name]) => {
      const mighty = mightyOf(callersOf(world, `heart-${site}`, [name]));
      const table = await tableOf(world, onObject('heart-federation'), federationObjects(site, other), mighty);
      for (const [row, { machine }] of Object.entries(parseTable(FEDERATION_BUCKET_OF_MACHINE))) {
        expect(table[row]?.[name], row).toBe(machine);
      }
    },
  );

  test("evaluate the network's policy for callers in the network, and for no others", async () => {
    const nothing: Policy = { Version: '2012-10-17', Statement: [] };
    const closed = { ...world, networks: new Map([...world.networks.keys()].map((name) => [name, nothing] as const)) };
    const put = { action: 's3:PutObject', on: bucket('heart-site-bonn') };
    const image = { ...put, key: 'cases/p1/image.nii.gz', caller: role('heart-bonn-upload') };
    const entry = { ...put, key: 'catalog/p1.json', caller: role('heart-bonn-intake') };

    expect([role('heart-bonn-task').isInside, role('heart-merge').isInside]).toEqual([true, true]);
    expect([role('heart-bonn-withdraw').isInside, role('heart-kiel-machine').isInside]).toEqual([false, false]);
    expect(FEDERATION_ROLES.filter((name) => role(`heart-${name}`).isInside)).toEqual(['merge']);
    expect([await isAllowed(world, image), await isAllowed(closed, image)]).toEqual([true, true]);
    expect([await isAllowed(world, entry), await isAllowed(closed, entry)]).toEqual([true, false]);
  });

  test('deny everyone to delete or replace a plan, open, seal, commit or outcome', async () => {
    const chain = Object.entries(federationObjects('bonn', 'ulm')).filter(([name]) =>
      ['plan', 'open', 'seal', 'commit', 'outcome'].includes(name),
    );
    for (const { policies: _, ...caller } of world.roles.values()) {
      const mighty = { ...caller, policies: [EVERYTHING] };
      const table = await tableOf(world, onObject('heart-federation'), Object.fromEntries(chain), { mighty });
      expect(cellsOf(table).map(only('wdv')).join(''), caller.arn).toBe('');
    }
  });

  test('allow nothing without credentials', async () => {
    const callers = { nobody: 'anonymous' as const };
    for (const name of world.buckets.keys()) {
      const objects = name === 'heart-federation' ? federationObjects('bonn', 'ulm') : SITE_OBJECTS;
      const table = await tableOf(world, onObject(name), objects, callers);
      expect(new Set(cellsOf(table)), name).toEqual(new Set(['.']));
    }
    const names = (map: ReadonlyMap<string, unknown>) =>
      Object.fromEntries([...map.keys()].map((name) => [name, name]));
    expect(new Set(cellsOf(await tableOf(world, onQueue, names(world.queues), callers)))).toEqual(new Set(['.']));
    expect(new Set(cellsOf(await tableOf(world, onKey, names(world.keys), callers)))).toEqual(new Set(['.']));
  });

  test('allow nothing without TLS, nor to a bucket with TLS below 1.2', async () => {
    for (const { policies: _, ...caller } of world.roles.values()) {
      const mighty = { caller: { ...caller, policies: [EVERYTHING] }, secure: false };
      for (const on of world.buckets.values()) {
        expect(await isAllowed(world, { ...mighty, action: 's3:PutObject', on, key: 'cases/p1/image.nii.gz' })).toBe(
          false,
        );
        expect(await isAllowed(world, { ...mighty, action: 's3:ListBucket', on })).toBe(false);
      }
      for (const on of world.queues.values()) {
        for (const action of ['sqs:SendMessage', 'sqs:ReceiveMessage']) {
          expect(await isAllowed(world, { ...mighty, action, on })).toBe(false);
        }
      }
    }
    const old = { action: 's3:PutObject', on: bucket('heart-site-bonn'), key: 'cases/p1/image.nii.gz' };
    const upload = role('heart-bonn-upload');
    expect(await isAllowed(world, { ...old, caller: upload })).toBe(true);
    expect(await isAllowed(world, { ...old, caller: upload, context: { 's3:TlsVersion': '1.1' } })).toBe(false);
  });

  test('allow the use of a key through its service only, not directly and not its administration', async () => {
    const asked = { caller: role('heart-bonn-task'), on: world.keys.get('alias/heart-site-bonn') as Guarded };
    const alias = { 'kms:ResourceAliases': ['alias/heart-site-bonn'] };
    expect(await isAllowed(world, { ...asked, action: 'kms:Decrypt', context: alias })).toBe(false);
    for (const action of ['kms:ScheduleKeyDeletion', 'kms:PutKeyPolicy', 'kms:DisableKey']) {
      expect(await isAllowed(world, { ...asked, action })).toBe(false);
    }
  });

  test('allow no role to change a bucket, its policy, its versions or its log', async () => {
    for (const caller of world.roles.values()) {
      for (const on of world.buckets.values()) {
        for (const action of [
          'PutBucketPolicy',
          'DeleteBucketPolicy',
          'PutBucketVersioning',
          'PutBucketLogging',
          'DeleteBucket',
        ]) {
          expect(await isAllowed(world, { caller, action: `s3:${action}`, on }), `${caller.arn} ${action}`).toBe(false);
        }
      }
    }
  });

  test('allow no access from inside a network to a bucket of another owner, with any credentials', async () => {
    const stranger: Guarded = {
      arn: 'arn:aws:s3:::heart-site-thief',
      account: '999999999999',
      region: 'eu-central-1',
      policy: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: '*',
            Action: 's3:*',
            Resource: ['arn:aws:s3:::heart-site-thief', 'arn:aws:s3:::heart-site-thief/*'],
          },
        ],
      },
    };
    for (const place of world.networks.keys()) {
      const [account = '', region = ''] = place.split('/');
      const thief: Role = {
        arn: `arn:aws:iam::${account}:role/thief`,
        account,
        region,
        policies: [EVERYTHING],
        attached: [],
        trust: EVERYTHING,
        isInside: true,
      };
      const put = { caller: thief, action: 's3:PutObject', on: stranger, key: 'cases/p1/image.nii.gz' };
      expect(await isAllowed(world, put)).toBe(false);
      expect(await isAllowed({ ...world, networks: new Map() }, put)).toBe(true);
    }
  });
});

test('what the simulator does not read changes no answer', async () => {
  const actions = ['s3:GetObject', 's3:PutObject', 's3:DeleteObjectVersion'] as const;
  const requests = [...world.roles.values()].flatMap((caller) =>
    [
      [bucket('heart-federation'), federationObjects('bonn', 'ulm')] as const,
      [bucket('heart-site-bonn'), SITE_OBJECTS] as const,
    ].flatMap(([on, objects]) =>
      Object.values(objects).flatMap((key) => actions.map((action) => ({ caller, action, on, key }))),
    ),
  );
  // A prime: every role, action and object is asked about.
  const sample = requests.filter((_, index) => index % 13 === 0);
  const answers = { true: 0, false: 0 };
  for (const request of sample) {
    const answer = await isAllowed(world, request, (statements) => statements);
    expect(await isAllowed(world, request), JSON.stringify([request.caller.arn, request.action, request.key])).toBe(
      answer,
    );
    answers[`${answer}`] += 1;
  }
  expect(answers.true).toBeGreaterThan(20);
  expect(answers.false).toBeGreaterThan(100);
});

describe('a role', () => {
  test('can be assumed by its service, or by the principals in federation.json, only', () => {
    for (const [name, { trust }] of world.roles) {
      const principals = JSON.stringify(trust.Statement.map(({ Principal }) => Principal));
      if (name.endsWith('-upload')) expect(principals).toBe('[{"AWS":"arn:aws:iam::999900001111:role/radiology"}]');
      else if (name.endsWith('-withdraw'))
        expect(principals).toBe('[{"AWS":"arn:aws:iam::999900001111:role/data-protection"}]');
      else if (name === 'heart-research')
        expect(principals).toBe('[{"AWS":"arn:aws:iam::999900001111:role/research"}]');
      else if (name === 'heart-jena-machine')
        expect(principals).toBe('[{"AWS":"arn:aws:iam::999900001111:role/jena"}]');
      else if (name === 'heart-kiel-machine')
        expect(new Set(trust.Statement.map(({ Principal }) => JSON.stringify(Principal)))).toEqual(
          new Set(['{"Service":"rolesanywhere.amazonaws.com"}']),
        );
      else expect(principals).toMatch(/^\[\{"Service":"(lambda|ecs-tasks)\.amazonaws\.com"\}\]$/);
    }
  });
});

test('a certificate opens the role of its own site only, and only by its own trust anchor', () => {
  const { Statement } = role('heart-kiel-machine').trust;

  expect(Statement.flatMap(({ Action }) => Action).toSorted()).toEqual([
    'sts:AssumeRole',
    'sts:SetSourceIdentity',
    'sts:TagSession',
  ]);
  for (const { Condition } of Statement) {
    expect(Condition).toEqual({
      StringEquals: { 'aws:PrincipalTag/x509Subject/CN': 'fedcardio.kiel.example' },
      ArnEquals: { 'aws:SourceArn': expect.stringContaining('heart-site-kiel-compute-trustanchor') },
    });
  }
});

describe('the test detects', () => {
  const withStatement = (name: string, statement: Statement): World => {
    const roles = new Map(world.roles);
    const before = role(name);
    roles.set(name, { ...before, policies: [...before.policies, { Version: '2012-10-17', Statement: [statement] }] });
    return { ...world, roles };
  };
  const without = (name: string, isRemoved: (statement: Statement) => boolean, from: World = world): World => {
    const buckets = new Map(from.buckets);
    const before = bucket(name);
    const Statement = before.policy.Statement.filter((statement) => !isRemoved(statement));
    expect(Statement.length).toBeLessThan(before.policy.Statement.length);
    buckets.set(name, { ...before, policy: { ...before.policy, Statement } });
    return { ...from, buckets };
  };
  /** Whether a column of the federation bucket's table differs from the design. */
  const differs = async (from: World, prefix: string, name: string, title: string) => {
    const { expected } = compared.bonn.find((one) => one.title === title) as Comparison;
    const objects = federationObjects('bonn', prefix === 'heart' ? 'bonn' : 'ulm');
    const rows = Object.fromEntries(Object.keys(expected).map((row) => [row, objects[row as keyof typeof objects]]));
    const table = await tableOf(from, onObject('heart-federation'), rows, callersOf(from, prefix, [name]));
    return Object.keys(expected).some((row) => table[row]?.[name] !== expected[row]?.[name]);
  };

  test('a site that may write below the updates of all sites', async () => {
    const mistaken = withStatement('heart-bonn-task', {
      Effect: 'Allow',
      Action: 's3:PutObject',
      Resource: 'arn:aws:s3:::heart-federation/updates/*',
    });
    const isGuard = (statement: Statement) =>
      statement.Effect === 'Deny' && JSON.stringify(statement.NotResource ?? '').includes('fedcardio-site');
    const broken = without('heart-federation', isGuard, mistaken);
    const table = ['heart-bonn', 'task', "A site's roles in the federation bucket"] as const;
    expect(await differs(world, ...table)).toBe(false);
    // The bucket's policy alone keeps the site to its own folder.
    expect(await differs(mistaken, ...table)).toBe(false);
    expect(await differs(broken, ...table)).toBe(true);
  });

  test('a coordinator that may read cases, by its own policy and without the guard of the bucket', async () => {
    const read: Statement = { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::heart-site-bonn/*' };
    const mistaken = withStatement('heart-sweep', read);
    const image = { action: 's3:GetObject', on: bucket('heart-site-bonn'), key: 'cases/p1/image.nii.gz' };
    expect(await isAllowed(mistaken, { ...image, caller: mistaken.roles.get('heart-sweep') as Role })).toBe(false);

    const isCaseGuard = ({ Effect, Action, Resource }: Statement) =>
      Effect === 'Deny' &&
      Action?.includes('s3:GetObject') === true &&
      JSON.stringify(Resource ?? '').includes('/cases/');
    const unguarded = without('heart-site-bonn', isCaseGuard, mistaken);
    const on = unguarded.buckets.get('heart-site-bonn') as Guarded;
    expect(await isAllowed(unguarded, { ...image, on, caller: unguarded.roles.get('heart-sweep') as Role })).toBe(true);
  });

  test('a chain whose links may be replaced', async () => {
    const broken = without('heart-federation', ({ Sid }) => Sid === 'CreatedOnce');
    const table = ['heart', 'aggregate', "The coordinator's roles in the federation bucket"] as const;
    expect(await differs(world, ...table)).toBe(false);
    expect(await differs(broken, ...table)).toBe(true);
  });

  test('a bucket that accepts plain HTTP', async () => {
    const broken = without('heart-site-bonn', ({ Condition }) =>
      JSON.stringify(Condition ?? '').includes('SecureTransport'),
    );
    const on = broken.buckets.get('heart-site-bonn') as Guarded;
    const put = {
      caller: role('heart-bonn-upload'),
      action: 's3:PutObject',
      key: 'cases/p1/image.nii.gz',
      secure: false,
    };
    expect(await isAllowed(broken, { ...put, on })).toBe(true);
    expect(await isAllowed(world, { ...put, on: bucket('heart-site-bonn') })).toBe(false);
  });

  test('a site in another account that may list everything', async () => {
    const broken = without(
      'heart-federation',
      ({ Effect, Condition }) => Effect === 'Deny' && JSON.stringify(Condition ?? '').includes('s3:prefix'),
    );
    const lists = { action: 's3:ListBucket', caller: { ...role('heart-graz-task'), policies: [EVERYTHING] } };
    const on = (from: World) => from.buckets.get('heart-federation') as Guarded;
    expect(await isAllowed(world, { ...lists, on: on(world) })).toBe(false);
    expect(await isAllowed(broken, { ...lists, on: on(broken) })).toBe(true);
  });
});
