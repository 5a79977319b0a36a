import { expect, it } from 'vitest';
import { topologyOf } from './topology.ts';

const federation = (id: string, site: string) => ({
  schema: 'fedcardio.federation/1' as const,
  id,
  sites: [{ id: site, name: site }],
});

it('names buckets and queues as long as AWS takes them, and refuses ids that make a bucket longer', () => {
  const longest = topologyOf(federation('f'.repeat(40), 's'.repeat(17)));

  expect(longest.buckets[0]?.name).toHaveLength(63);
  for (const { name, deadLetterQueue } of longest.queues) {
    expect(Math.max(name.length, deadLetterQueue.length)).toBeLessThanOrEqual(80);
  }
  expect(() => topologyOf(federation('f'.repeat(40), 's'.repeat(18)))).toThrow(
    expect.objectContaining({ code: 'BAD_CONFIGURATION', message: expect.stringContaining('64 characters') }),
  );
});
