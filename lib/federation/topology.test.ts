import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseValue } from '../json.ts';
import { FUNCTION_TIMEOUT_SECONDS } from './functions.ts';
import { federationSchema } from './schemas.ts';
import { FEDERATION_ROLES, machineTopologyOf, nameCollisions, names, SITE_ROLES, topologyOf } from './topology.ts';

const federation = (id: string, site: string) => ({
  schema: 'fedcardio.federation/1' as const,
  id,
  sites: [{ id: site, name: site }],
});

test('refuses an id with which a role of the coordinator or of a network would have too long a name, and says which', () => {
  const elsewhere = (id: string) => ({
    ...federation(id, 'kiel'),
    account: '111122223333',
    region: 'eu-central-1',
    sites: [{ id: 'kiel', name: 'kiel', account: '444455556666', region: 'ap-southeast-1' }],
  });

  expect(() => topologyOf(elsewhere('f'.repeat(39)))).not.toThrow();
  expect(() => topologyOf(elsewhere('f'.repeat(40)))).toThrow(
    expect.objectContaining({
      code: 'BAD_CONFIGURATION',
      message: expect.stringMatching(/role in ap-southeast-1, where site kiel is: .* has 65 characters/),
    }),
  );
});

test('accepts ids up to the longest names that AWS allows, and refuses longer ones', () => {
  const longest = topologyOf(federation('f'.repeat(40), 's'.repeat(12)));

  expect(names.siteRole('f'.repeat(40), 's'.repeat(12), 'job-failed')).toHaveLength(64);
  for (const { name, deadLetterQueue } of longest.queues) {
    expect(Math.max(name.length, deadLetterQueue.length)).toBeLessThanOrEqual(80);
  }
  for (const [site, what] of [
    ['s'.repeat(18), 'bucket: .* has 64 characters'],
    ['s'.repeat(13), 'role: .* has 65 characters'],
  ] as const) {
    expect(() => topologyOf(federation('f'.repeat(40), site))).toThrow(
      expect.objectContaining({ code: 'BAD_CONFIGURATION', message: expect.stringMatching(what) }),
    );
  }
});

test.for([
  [['bonn', 'merge'], 'site id "merge" is not possible: its job queue would be f-merge, as the coordinator\'s is.'],
  [
    ['a', 'a-queues'],
    'site id "a-queues" is not possible: its key alias would be alias/f-site-a-queues, as site "a"\'s is.',
  ],
  [
    ['a-queues', 'a'],
    'site id "a" is not possible: its key alias would be alias/f-site-a-queues, as site "a-queues"\'s is.',
  ],
] as const)('refuses the sites %s, whose names collide, and names both owners', ([ids, message]) => {
  const sites = ids.map((id) => ({ id, name: id }));

  expect(() => topologyOf({ ...federation('f', 'x'), sites })).toThrow(
    expect.objectContaining({ code: 'BAD_CONFIGURATION', message }),
  );
  expect(() => parseValue({ ...federation('f', 'x'), sites }, federationSchema, 'federation.json')).toThrow(
    expect.objectContaining({ message: expect.stringContaining(`sites[1].id: ${message.slice(0, -1)}`) }),
  );
});

test('gives no two resources one name, whatever the ids of sites that are accepted', () => {
  const word = fc.constantFrom(
    'a',
    'b',
    'intake',
    'tasks',
    'task',
    'dlq',
    'queues',
    'data',
    'merge',
    'job',
    'failed',
    'site',
    'federation',
  );
  const id = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join('-'));
  fc.assert(
    fc.property(fc.uniqueArray(id, { minLength: 2, maxLength: 4 }), (ids) => {
      const all = { ...federation('f', 'x'), sites: ids.map((id) => ({ id, name: id })) };
      fc.pre(nameCollisions(all).length === 0);
      const { buckets, queues } = topologyOf(all);
      const found = [
        ...buckets.flatMap(({ name }) => [
          `bucket ${name}`,
          ...[names.bucketKeyAlias(name), names.queueKeyAlias(name)],
        ]),
        ...queues.flatMap(({ name, deadLetterQueue }) => [`queue ${name}`, `queue ${deadLetterQueue}`]),
        ...FEDERATION_ROLES.map((role) => `role ${names.federationRole('f', role)}`),
        ...ids.flatMap((site) => SITE_ROLES.map((role) => `role ${names.siteRole('f', site, role)}`)),
        ...[names.mergeJobQueue('f'), ...ids.map((site) => names.jobQueue('f', site))].map((name) => `jobs ${name}`),
      ];

      expect(new Set(found).size).toBe(found.length);
    }),
  );
});

test('hides a message for at least six times the time-out of its function', () => {
  for (const { handler, visibilityTimeoutSeconds } of topologyOf(federation('f', 's')).queues) {
    expect(visibilityTimeoutSeconds).toBeGreaterThanOrEqual(6 * FUNCTION_TIMEOUT_SECONDS[handler]);
  }
});

test('an on-premises site has only its GPU task queue here, and the rest on its own machine', () => {
  const site = { id: 'kiel', name: 'Kiel', place: 'on-premises', principal: 'arn:aws:iam::111122223333:root' } as const;
  const both = { ...federation('f', 'bonn'), sites: [{ id: 'bonn', name: 'Bonn' }, site] };
  const namesOf = ({ buckets, queues }: ReturnType<typeof topologyOf>) =>
    [...buckets, ...queues].map(({ name }) => name);

  expect(namesOf(topologyOf(both))).toEqual([
    ...['f-site-bonn', 'f-federation', 'f-bonn-intake', 'f-bonn-tasks', 'f-kiel-tasks', 'f-orchestrate', 'f-aggregate'],
  ]);
  expect(namesOf(machineTopologyOf(both, site, { events: true }))).toEqual(['f-site-kiel', 'f-kiel-intake']);
  const withoutEvents = machineTopologyOf(both, site, { events: false });
  expect(namesOf(withoutEvents)).toEqual(['f-site-kiel']);
  expect(withoutEvents.buckets[0]?.notifications).toEqual([]);
});
