import { describe, expect, test } from 'vitest';
import { seededRandom } from '../random.ts';
import { distanceBetween } from './frame.ts';
import { drawPatient } from './patient.ts';
import { CUSP_DEGREES, createRoot } from './root.ts';

const ROOTS = Array.from({ length: 20 }, (_, seed) => createRoot(drawPatient(seededRandom('root test', seed)).root));
const CUSPS = Object.values(CUSP_DEGREES);

describe.each(ROOTS.map((root, index) => ({ index, root })))('root $index', ({ root }) => {
  const { shape, lumen, leaflets, onWall, onLeaflet } = root;

  test('points on the wall are on the surface of the lumen', () => {
    for (let degrees = -180; degrees < 180; degrees += 15) {
      for (const height of [-10, 0, 5, 12, shape.sinusHeight]) {
        expect(Math.abs(lumen(...onWall(degrees, height)))).toBeLessThan(1e-6);
      }
    }
  });

  test('a leaflet is attached lowest at its hinge point, highest at the commissures', () => {
    for (const cusp of CUSPS) {
      expect(distanceBetween(onLeaflet(cusp, 1), onWall(cusp, 0))).toBeLessThan(1e-9);
      for (const turn of [-50, -30, -10, 10, 30, 50]) expect(onLeaflet(cusp + turn, 1)[2]).toBeGreaterThan(0.1);
      expect(onLeaflet(cusp + 60, 1)[2]).toBeCloseTo(shape.commissureHeight, 6);
    }
  });

  test('leaflets pass through their stated points, and never below the annulus', () => {
    for (const cusp of CUSPS) {
      for (const share of [0.2, 0.5, 0.9]) {
        expect(leaflets(...onLeaflet(cusp, share))).toBeLessThan(1e-6);
        expect(leaflets(...onLeaflet(cusp + 35, share))).toBeLessThan(1e-6);
      }
      const [u, v] = onWall(cusp, 0);
      expect(leaflets(u * 0.8, v * 0.8, -4)).toBeGreaterThan(2);
    }
  });

  test('closed leaflets separate ventricle and aorta', () => {
    for (let degrees = 0; degrees < 360; degrees += 20) {
      for (const share of [0.1, 0.4, 0.7]) {
        const [u, v] = onWall(degrees, 0);
        const column = Array.from({ length: 300 }, (_, i) => leaflets(u * share, v * share, -3 + i * 0.1));
        expect(Math.min(...column)).toBeLessThan(shape.leafletThickness / 2);
      }
    }
  });

  test('a sinus bulges out above its hinge point, and the outflow tract below does not', () => {
    for (const cusp of CUSPS) {
      const [hinge, above, below] = [0, 5, -5].map((height) => Math.hypot(...onWall(cusp, height).slice(0, 2)));
      expect(above! - hinge!).toBeGreaterThan(2);
      expect(Math.abs(below! - hinge!)).toBeLessThan(1);
    }
  });

  test('the distance from sinus to commissure agrees with CT studies', () => {
    const height = shape.sinusHeight / 3;
    const across = Math.hypot(...[0, 1].map((axis) => onWall(0, height)[axis]! - onWall(180, height)[axis]!));
    expect(across).toBeGreaterThan(26);
    expect(across).toBeLessThan(35);
  });
});
