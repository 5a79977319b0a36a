import { expect, test } from 'vitest';
import type { Open, RoundPrivacy } from '../federation/schemas.ts';
import { roundedNorm } from '../privacy/distributed-noise.ts';
import { noiseGrid } from '../privacy/round-noise.ts';
import { storesOf } from '../storage/stores.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { privateMerge } from './private-merge.ts';

const { federationStore } = storesOf(createMemoryStorage(), 'heart');

// The bound is for sites that add more noise than planned: it must not scale those down that add what is planned.
test.each([0.5, 3, 2000])('an update with local noise of %d is not clipped, however large the network', async (z) => {
  const terms: RoundPrivacy = { noise: 'local', clip: 0.7, noiseMultiplier: z, sites: 8 };
  const merge = await privateMerge(federationStore, { privacy: terms } as Open, terms, 'digest');
  for (const dimension of [1, 1e4, 1e6, 62_100_000, 1e9]) {
    const { step, sigma } = noiseGrid(terms, dimension);
    const values = step * roundedNorm(terms.clip / step, dimension);
    // Of the norm of noise, √dimension · sigma is the mean, and less than sigma its deviation.
    const honest = values + step * sigma * (Math.sqrt(dimension) + 5.9);

    const { clip } = merge(dimension);

    expect(clip / honest).toBeGreaterThan(1);
    expect(clip / (honest + step * sigma)).toBeLessThan(1);
  }
});
