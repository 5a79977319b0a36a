import { beforeAll, describe, expect, test } from 'vitest';
import { ATTACKS, ORDINARY } from './attacks.ts';
import { FEDERATION, synthesizeAll } from './example-federation.ts';
import type { Policy } from './resolve.ts';
import { type Caller, isAllowed, type Request } from './simulate.ts';
import { type Guarded, type Role, readWorld, type World } from './world.ts';

let world: World;
beforeAll(() => {
  world = readWorld(synthesizeAll(FEDERATION));
}, 60_000);

const policyOf = (...Statement: Policy['Statement']): Policy => ({ Version: '2012-10-17', Statement });
const EVERYTHING = policyOf({ Effect: 'Allow', Action: '*', Resource: '*' });
const HOME = { account: '111122223333', region: 'eu-central-1' };
const GRAZ = { account: '444455556666', region: 'eu-west-1' };

/** Roles that are not the federation's. */
const stranger = (place: typeof HOME, name: string): Role => ({
  ...place,
  arn: `arn:aws:iam::${place.account}:role/${name}`,
  policies: [],
  attached: [],
  trust: policyOf(),
  isInside: false,
});
const STRANGERS: Readonly<Record<string, Role>> = {
  admin: stranger(HOME, 'admin'),
  deploy: stranger(HOME, 'cdk-hnb659fds-cfn-exec-role'),
  'graz-admin': stranger(GRAZ, 'admin'),
  'graz-forged': stranger(GRAZ, 'heart-bonn-task'),
};

/** A bucket that its owner has opened to everyone. */
const THIEF: Guarded = {
  ...HOME,
  account: '999999999999',
  arn: 'arn:aws:s3:::heart-site-thief',
  policy: policyOf({
    Effect: 'Allow',
    Principal: '*',
    Action: 's3:*',
    Resource: ['arn:aws:s3:::heart-site-thief', 'arn:aws:s3:::heart-site-thief/*'],
  }),
};

/** The caller of a row: see attacks.ts. */
function callerOf(who: string): Caller {
  const [, name = '', everything, , site, inside] =
    /^([\w -]+?)(\*)?( as (\w+))?( inside)?( insecure| old)?$/.exec(who) ?? [];
  if (name === 'nobody') return 'anonymous';
  const found = STRANGERS[name] ?? world.roles.get(`heart-${name.replace(' ', '-')}`);
  if (!found) throw new Error(`there is no role ${name}`);
  // A function or a job of the federation is where the templates put it.
  if (inside && !STRANGERS[name]) expect(found.isInside, who).toBe(true);
  return {
    ...found,
    ...(everything ? { policies: [EVERYTHING] } : {}),
    ...(site ? { tags: { 'fedcardio-site': site } } : {}),
    ...(inside ? { isInside: true } : {}),
  };
}

function targetOf(what: string): Pick<Request, 'on' | 'key' | 'context'> {
  const found = (map: ReadonlyMap<string, Guarded>, name: string): Guarded => {
    const one = map.get(name);
    if (!one) throw new Error(`there is no ${name}`);
    return one;
  };
  const bucket = /^s3:\/\/([\w-]+)(?:\/([^?]+)|\?(.+))?$/.exec(what);
  if (bucket) {
    const [, name = '', key, prefix] = bucket;
    const on = name === 'heart-site-thief' ? THIEF : found(world.buckets, name);
    return { on, ...(key ? { key } : {}), ...(prefix ? { context: { 's3:prefix': prefix } } : {}) };
  }
  const [kind, name = ''] = what.split(' ');
  if (kind === 'logs')
    return { on: found(world.logs, name.replace('/x', '')), ...(name.endsWith('/x') ? { key: 'x' } : {}) };
  if (kind === 'queue') return { on: found(world.queues, name) };
  if (kind === 'key') return { on: found(world.keys, name) };
  if (kind === 'role') {
    const role = world.roles.get(name) as Role;
    return { on: { ...role, policy: role.trust } };
  }
  return { on: { ...HOME, arn: what, policy: policyOf() } };
}

/**
 * `+once`: with If-None-Match. `+part`: the start or a part of a multipart upload. `+archived`, `+standard`: with this class
 * of storage. `+encrypted`, `+sealed`: with a key that the request names, or brings.
 */
const CONTEXTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  once: { 's3:if-none-match': '*' },
  part: { 's3:ObjectCreationOperation': 'false' },
  archived: { 's3:x-amz-storage-class': 'GLACIER', 's3:if-none-match': '*' },
  encrypted: { 's3:x-amz-server-side-encryption': 'aws:kms', 's3:if-none-match': '*' },
  sealed: { 's3:x-amz-server-side-encryption-customer-algorithm': 'AES256', 's3:if-none-match': '*' },
  standard: { 's3:x-amz-storage-class': 'STANDARD', 's3:if-none-match': '*' },
};

function requestOf(row: string): Request {
  const [who = '', asked = '', what = ''] = row.split(' | ');
  const [action = '', how = ''] = asked.split('+');
  const { context, ...target } = targetOf(what);
  return {
    ...{ caller: callerOf(who), action, secure: !who.endsWith(' insecure') },
    ...(who.endsWith(' inside') ? { from: `${HOME.account}/${HOME.region}` } : {}),
    ...target,
    context: { ...context, ...CONTEXTS[how], ...(who.endsWith(' old') ? { 's3:TlsVersion': '1.1' } : {}) },
  };
}

describe('an attack fails', () => {
  test.each(ATTACKS)('%s', async (row) => {
    expect(await isAllowed(world, requestOf(row))).toBe(false);
  });
});

describe('an ordinary request succeeds', () => {
  test.each(ORDINARY)('%s', async (row) => {
    expect(await isAllowed(world, requestOf(row))).toBe(true);
  });
});

type Kind = 'buckets' | 'queues' | 'logs';

/** The world without one statement of a policy. */
function without(of: Kind, name: string, index: number): World {
  const before = world[of].get(name) as Guarded;
  const policy = { ...before.policy, Statement: before.policy.Statement.toSpliced(index, 1) };
  return { ...world, [of]: new Map([...world[of], [name, { ...before, policy }]]) };
}

/** Whether one of the attacks on a bucket or queue succeeds. */
async function isAttackable(mutant: World, of: Kind, name: string): Promise<boolean> {
  for (const row of ATTACKS) {
    const request = requestOf(row);
    if (request.on !== world[of].get(name)) continue;
    if (await isAllowed(mutant, { ...request, on: mutant[of].get(name) as Guarded })) return true;
  }
  return false;
}

describe('the attacks detect the absence of every guard', () => {
  test.each([
    ['buckets', 'heart-federation'],
    ['buckets', 'heart-site-bonn'],
    ['queues', 'heart-aggregate'],
    ['queues', 'heart-bonn-tasks'],
    ['queues', 'heart-bonn-tasks-dlq'],
    ['logs', 'heart-site-bonn-data'],
  ] as const)('of %s: %s', async (of, name) => {
    const { Statement } = (world[of].get(name) as Guarded).policy;
    const undetected: string[] = [];
    for (const [index, statement] of Statement.entries()) {
      if (statement.Effect !== 'Deny') continue;
      if (!(await isAttackable(without(of, name, index), of, name))) undetected.push(JSON.stringify(statement));
    }

    expect(undetected).toEqual([]);
  });
});

test('the rows are distinct, and all have a reason', () => {
  const rows = [...ATTACKS, ...ORDINARY];

  expect(rows.filter((row) => row.split(' | ').length !== 4)).toEqual([]);
  expect(new Set(rows.map((row) => row.split(' | ').slice(0, 3).join())).size).toBe(rows.length);
});
