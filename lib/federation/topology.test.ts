import { expect, test } from 'vitest';
import { FUNCTION_TIMEOUT_SECONDS } from './functions.ts';
import { machineTopologyOf, names, topologyOf } from './topology.ts';

const federation = (id: string, site: string) => ({
  schema: 'fedcardio.federation/1' as const,
  id,
  sites: [{ id: site, name: site }],
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
