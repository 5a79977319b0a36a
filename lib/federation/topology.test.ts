import { expect, test } from 'vitest';
import { FUNCTION_TIMEOUT_SECONDS } from './functions.ts';
import { names, topologyOf } from './topology.ts';

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
