import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { TASKS } from '../federation/tasks.ts';
import { apply, contains, invert, voxelsOf } from '../imaging/affine.ts';
import { decodeLandmarks } from '../imaging/landmarks.ts';
import type { Vec3 } from '../imaging/volume.ts';
import { distanceBetween, subtract } from './frame.ts';
import { labelVolumes } from './labels.ts';
import { cover } from './paint.ts';
import { generatePhantom, type Phantom } from './phantom.ts';
import { huOf } from './render.ts';
import { type Scanner, scannerOf } from './scanner.ts';
import { sceneOf } from './scene.ts';

const COARSE: Scanner = { ...scannerOf(0, 1), pixelMm: 2.4, sliceMm: 2.4 };
const SILENT: Scanner = { ...scannerOf(1, 1), noiseHu: 0, sharpness: 0 };

const sha256 = ({ image, masks, points }: Phantom): string =>
  [image.data, ...Object.values(masks).map((mask) => mask.data)]
    .reduce((hash, data) => hash.update(new Uint8Array(data.buffer)), createHash('sha256'))
    .update(
      JSON.stringify(
        Object.values(points)
          .flat(2)
          .map((x) => x.toFixed(6)),
      ),
    )
    .digest('hex');

describe('seed', () => {
  test('the same seed gives the same bytes on every machine', () => {
    const options = { seed: 7, scanner: { ...scannerOf(2, 1), pixelMm: 2, sliceMm: 2.2 } };
    expect(sha256(generatePhantom(options))).toBe(sha256(generatePhantom(options)));
    expect(sha256(generatePhantom(options))).toBe('f7830c527a0a0ab14256ed72a3fbe7df023d04846f54b5c0f04f67157a2e3cac');
  });

  test('another seed gives another patient', () => {
    const [a, b] = [1, 2].map((seed) => generatePhantom({ seed, scanner: COARSE }));
    expect(sha256(a!)).not.toBe(sha256(b!));
    expect(a!.facts.annulusDiameterMm).not.toBe(b!.facts.annulusDiameterMm);
  });

  test('the same patient on two scanners has the same points and another image', () => {
    const [a, b] = [0, 6].map((site) => generatePhantom({ seed: 3, scanner: scannerOf(site, 1) }));
    expect(a!.points).toEqual(b!.points);
    expect(sha256(a!)).not.toBe(sha256(b!));
  });
});

describe.each(Array.from({ length: 40 }, (_, seed) => seed))('patient %d', (seed) => {
  const phantom = generatePhantom({ seed, scanner: COARSE });
  const [right, left, nonCoronary, ostiumRight, ostiumLeft] = phantom.points['hinge-points'] as readonly [
    Vec3,
    Vec3,
    Vec3,
    Vec3,
    Vec3,
  ];
  const [start, end] = phantom.points['membranous-septum'] as readonly [Vec3, Vec3];

  test('has one point for every class, all well inside the image', () => {
    for (const task of ['hinge-points', 'membranous-septum'] as const) {
      expect(phantom.points[task]).toHaveLength(TASKS[task].classes.length);
      for (const point of phantom.points[task]) expect(contains(phantom.image, point)).toBe(true);
    }
    const toVoxel = invert(phantom.image.affine);
    for (const point of Object.values(phantom.points).flat()) {
      for (const [axis, index] of apply(toVoxel, point).entries()) {
        expect(index * 2.4).toBeGreaterThan(8);
        expect((phantom.image.shape[axis]! - 1 - index) * 2.4).toBeGreaterThan(8);
      }
    }
  });

  test('is not mirrored in any pose', () => {
    expect(ostiumLeft[0]).toBeLessThan(ostiumRight[0]);
    expect(ostiumLeft[1]).toBeLessThan(ostiumRight[1]);
    expect(left[0]).toBeLessThan(nonCoronary[0]);
    expect(right[1]).toBeGreaterThan(left[1]);
    expect(right[1]).toBeGreaterThan(nonCoronary[1]);
    expect(start[0]).toBeGreaterThan(left[0]);
    expect(start[2]).toBeGreaterThan(end[2]);
  });

  test('has distances as measured in patients', () => {
    const { annulusDiameterMm, coronaryHeightsMm, septumLengthMm } = phantom.facts;
    expect(annulusDiameterMm).toBeGreaterThanOrEqual(21);
    expect(annulusDiameterMm).toBeLessThanOrEqual(29);
    for (const height of Object.values(coronaryHeightsMm)) {
      expect(height).toBeGreaterThanOrEqual(8);
      expect(height).toBeLessThanOrEqual(18);
    }
    expect(septumLengthMm).toBeGreaterThanOrEqual(4);
    expect(septumLengthMm).toBeLessThanOrEqual(10);
    for (const [a, b] of [
      [right, left],
      [left, nonCoronary],
      [nonCoronary, right],
    ] as const) {
      expect(distanceBetween(a, b) / annulusDiameterMm).toBeGreaterThan(0.7);
      expect(distanceBetween(a, b) / annulusDiameterMm).toBeLessThan(1);
    }
  });

  test('states facts that match its points', () => {
    const { coronaryHeightsMm } = phantom.facts;
    expect(heightAbove([right, left, nonCoronary], ostiumRight)).toBeCloseTo(coronaryHeightsMm.right, 6);
    expect(heightAbove([right, left, nonCoronary], ostiumLeft)).toBeCloseTo(coronaryHeightsMm.left, 6);
  });
});

describe('image', () => {
  const phantom = generatePhantom({ seed: 4, scanner: SILENT });
  const { image, masks, facts } = phantom;

  test('shows every tissue at its HU', () => {
    const scene = sceneOf(4);
    const owner = new Int16Array(voxelsOf(image.shape)).fill(-1);
    for (const [index, organ] of scene.organs.entries()) {
      cover(image, organ, (voxel, share) => {
        owner[voxel] = share === 1 ? index : -1;
      });
    }
    for (const nodule of scene.calcium)
      cover(image, nodule, (voxel) => {
        owner[voxel] = -1;
      });
    const [nx, ny, nz] = image.shape;
    const seen = new Map<string, number>();
    for (let z = 1; z < nz - 1; z++) {
      for (let y = 1; y < ny - 1; y++) {
        for (let x = 1; x < nx - 1; x++) {
          const at = x + nx * (y + ny * z);
          const organ = scene.organs[owner[at]!];
          if (
            !organ ||
            !neighbours(at, nx, ny).every((n) => owner[n]! >= 0 && scene.organs[owner[n]!]!.tissue === organ.tissue)
          )
            continue;
          seen.set(organ.tissue, (seen.get(organ.tissue) ?? 0) + 1);
          if (Math.abs(image.data[at]! - huOf(organ.tissue, facts.bloodHu)) > 1) {
            expect({ organ: organ.name, hu: image.data[at] }).toEqual({
              organ: organ.name,
              hu: huOf(organ.tissue, facts.bloodHu),
            });
          }
        }
      }
    }
    for (const tissue of ['lung', 'fat', 'myocardium', 'leftBlood', 'rightBlood'])
      expect(seen.get(tissue)).toBeGreaterThan(500);
  });

  test('has left heart blood of 250 to 500 HU and noise as stated', () => {
    for (const contrast of Array.from({ length: 50 }, (_, seed) => sceneOf(seed).patient.contrast.left)) {
      for (const site of [0, 1, 2, 3, 4, 5, 6, 7]) {
        expect(scannerOf(site, 1).leftBloodHu * contrast).toBeGreaterThan(245);
        expect(scannerOf(site, 1).leftBloodHu * contrast).toBeLessThan(505);
      }
    }
    const noisy = generatePhantom({ seed: 4, scanner: { ...SILENT, noiseHu: 30 } });
    let sum = 0;
    for (const [i, value] of image.data.entries()) sum += (noisy.image.data[i]! - value) ** 2;
    expect(Math.abs(Math.sqrt(sum / image.data.length) - noisy.facts.noiseHu)).toBeLessThan(0.7);
  });

  test('shows calcium brighter than blood in the mask, and nothing else as bright within the root', () => {
    const values = [...image.data].filter((_, i) => masks.calcification.data[i]);
    expect(values.length).toBeGreaterThan(10);
    expect(Math.max(...values)).toBeLessThanOrEqual(1300);
    expect(Math.min(...values)).toBeGreaterThan(facts.bloodHu.left * 0.6);
    expect(values.sort((a, b) => a - b)[values.length >> 1]).toBeGreaterThan(facts.bloodHu.left + 100);
    const blood = [...image.data].filter((hu, i) => !masks.calcification.data[i] && hu > 800);
    expect(blood.length).toBeLessThan(values.length * 0.1);
  });
});

describe('labels', () => {
  const phantom = generatePhantom({ seed: 11, scanner: scannerOf(6, 1) });
  const labels = labelVolumes(phantom);

  test('are on the image’s grid and have the classes of their task', () => {
    for (const [task, volume] of Object.entries(labels)) {
      expect(volume.shape).toEqual(phantom.image.shape);
      expect(volume.affine).toEqual(phantom.image.affine);
      const classes = TASKS[task as keyof typeof TASKS].classes.map((_, index) => index + 1);
      expect([...new Set(volume.data)].sort()).toEqual([0, ...classes]);
    }
  });

  test('of landmarks decode to the points', () => {
    for (const [index, { position }] of decodeLandmarks(labels['hinge-points'], 5).entries()) {
      expect(distanceBetween(position!, phantom.points['hinge-points'][index]!)).toBeLessThan(0.8);
    }
  });

  test('of the coronaries begin at both ostia and stay outside the root', () => {
    const { data, affine, shape } = phantom.masks['coronary-arteries'];
    const lumen = [...data.keys()]
      .filter((i) => data[i])
      .map(
        (i): Vec3 =>
          apply(affine, [i % shape[0], Math.floor(i / shape[0]) % shape[1], Math.floor(i / shape[0] / shape[1])]),
      );
    for (const ostium of phantom.points['hinge-points'].slice(3)) {
      expect(Math.min(...lumen.map((p) => distanceBetween(p, ostium)))).toBeLessThan(3.5);
    }
    const bright = [...data.keys()].filter((i) => data[i]).map((i) => phantom.image.data[i]!);
    expect(bright.sort((a, b) => a - b)[bright.length >> 1]).toBeGreaterThan(200);
  });
});

test('a larger field of view shows spine and chest wall, and the same points', () => {
  const [small, large] = [96, 180].map((fieldOfViewMm) =>
    generatePhantom({ seed: 5, scanner: { ...COARSE, noiseHu: 0 }, fieldOfViewMm }),
  );
  expect(large!.points).toEqual(small!.points);
  expect(large!.image.shape).toEqual(
    [75, 75, 75].map((side, axis) => (axis < 3 ? (large!.image.shape[axis] ?? side) : side)),
  );
  const bone = [...large!.image.data].filter((hu) => hu > 150 && hu < 200).length;
  expect(bone).toBeGreaterThan(500);
});

const neighbours = (at: number, nx: number, ny: number): readonly number[] =>
  [-1, 0, 1].flatMap((z) => [-1, 0, 1].flatMap((y) => [-1, 0, 1].map((x) => at + x + nx * (y + ny * z))));

/** Distance of a point from the plane through three others, mm. */
function heightAbove([a, b, c]: readonly [Vec3, Vec3, Vec3], p: Vec3): number {
  const [u, v, d] = [subtract(b, a), subtract(c, a), subtract(p, a)];
  const n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]] as const;
  return Math.abs(n[0] * d[0] + n[1] * d[1] + n[2] * d[2]) / Math.hypot(...n);
}
