import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bench, openBench } from './run.ts';

/** `npm run chaos -- --seeds 50` runs more, `--seed 3` repeats one. */
const SEEDS = [3, 7, 10];

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
}, 300_000);
afterAll(() => bench?.close());

describe('a whole campaign under a seeded adversary', () => {
  test.for(SEEDS)(
    'ends as without it, or names the site that was removed: seed %i',
    { timeout: 400_000 },
    async (seed) => {
      const { violations, acts } = await bench.run(seed);

      expect(violations).toEqual([]);
      const [done, planned] = acts;
      expect(done).toBeGreaterThanOrEqual(planned / 2);
    },
  );
});
