import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Volume } from '../imaging/volume.ts';
import { generatePhantom } from '../phantom/phantom.ts';
import { scannerOf } from '../phantom/scanner.ts';
import { seededRandom } from '../random.ts';
import { foregroundVolume } from '../scoring/foreground-volume.ts';
import { median } from '../scoring/quantile.ts';
import { drawForeground, maskCeiling, maskShare } from './masks.ts';
import { cube, volumeOf } from './testing-cases.ts';

const mapOf = (values: readonly number[]): Volume<Uint8Array> => {
  const { affine } = volumeOf(cube(1, 1), () => 0);
  return { affine, shape: [values.length, 1, 1], data: Uint8Array.from(values) };
};

/** How often each voxel of a map is drawn. */
function drawn(map: Volume<Uint8Array>, draws: number): readonly number[] {
  const random = seededRandom('masks');
  const counts = map.data.reduce<number[]>((all) => [...all, 0], []);
  for (let i = 0; i < draws; i++) counts[drawForeground(map, random) as number]! += 1;
  return counts;
}

describe('a random voxel of the foreground', () => {
  test('is every voxel of a class alike, wherever the class has gaps', () => {
    const counts = drawn(mapOf([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0]), 4000);

    for (const index of [8, 10, 11, 17]) expect(Math.abs(counts[index]! - 1000)).toBeLessThan(120);
  });

  test('is of every class alike, however large it is', () => {
    const [large, small] = [drawn(mapOf([1, 1, 1, 1, 1, 1, 1, 1, 1, 7]), 2000), drawn(mapOf([0, 5, 0, 2, 2]), 2000)];

    expect(Math.abs(large[9]! - 1000)).toBeLessThan(120);
    expect(Math.abs(small[1]! - 1000)).toBeLessThan(120);
  });

  test('is in the foreground of any map, and undefined without one', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { minLength: 1, maxLength: 30 }), fc.nat(), (values, seed) => {
        const index = drawForeground(mapOf(values), seededRandom(seed));

        if (values.every((value) => value === 0)) expect(index).toBeUndefined();
        else expect(values[index as number]).toBeGreaterThan(0);
      }),
    );
  });
});

describe('a mask on coarser voxels', () => {
  const masks = Array.from(
    { length: 12 },
    (_, i) => generatePhantom({ seed: 5000 + i, scanner: scannerOf(i, 101) }).masks.calcification,
  ).filter((mask) => foregroundVolume(mask) > 0);
  const atSpacing = (spacing: number) => {
    const ceilings = masks.map((mask) => maskCeiling(mask, spacing));
    return {
      dice: median(ceilings.map(({ dice }) => dice as number)) as number,
      volume: median(ceilings.map(({ volume, truth }) => volume / truth)) as number,
    };
  };

  test.each([
    [1, 0.98],
    [1.5, 0.94],
    [2, 0.82],
    [3, 0.6],
  ])('of %d mm keeps the volume of calcium, and a Dice of at least %d', (spacing, least) => {
    const { dice, volume } = atSpacing(spacing);

    expect(dice).toBeGreaterThan(least);
    expect(volume).toBeGreaterThan(0.9);
    expect(volume).toBeLessThan(1.2);
  });

  test('needs a smaller share the coarser the voxels are, and never the half that loses thin structures', () => {
    const shares = [0.5, 1, 1.5, 2, 3, 4, 8].map(maskShare);

    expect(shares).toEqual([...shares].sort((a, b) => b - a));
    expect(Math.max(...shares)).toBeLessThan(0.5);
    expect(Math.min(...shares)).toBeGreaterThan(0);
  });
});
