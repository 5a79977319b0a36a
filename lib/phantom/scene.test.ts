import { describe, expect, test } from 'vitest';
import type { Vec3 } from '../imaging/volume.ts';
import { distanceBetween, toLocal, toWorld } from './frame.ts';
import type { Organ, Tissue } from './organ.ts';
import { SEPTUM_DEGREES } from './root.ts';
import { type Scene, sceneOf } from './scene.ts';

const SCENES = Array.from({ length: 25 }, (_, seed) => ({ seed, scene: sceneOf(seed) }));

/** The organ that is painted last at a world point. */
function organAt(scene: Scene, point: Vec3): Organ {
  const hit = scene.organs.findLast(({ frame, box, distance, sheetThickness = 0 }) => {
    const p = toLocal(frame, point);
    return distance(...p) < sheetThickness / 2 && p.every((x, axis) => x >= box.min[axis]! && x <= box.max[axis]!);
  });
  return hit!;
}

/** Tissues on the way outwards from the axis of the root, in steps of half a millimetre from `from` to `to`. */
const outwards = (
  { root, placement, ...scene }: Scene,
  degrees: number,
  height: number,
  from: number,
  to: number,
): Tissue[] =>
  Array.from({ length: Math.round((to - from) * 2) }, (_, i) => {
    const at = root.onWall(degrees, height, from + i / 2);
    return organAt({ root, placement, ...scene }, toWorld(placement.root, at)).tissue;
  });

describe.each(SCENES)('patient $seed', ({ scene }) => {
  const { patient, coronaries, placement, root } = scene;

  test('only a thin sheet separates outflow tract and right heart at the membranous septum', () => {
    const tissues = outwards(scene, SEPTUM_DEGREES, -patient.root.septumLength / 2, -3, 6);
    expect(tissues[0]).toBe('leftBlood');
    expect(tissues.at(-1)).toBe('rightBlood');
    const sheet = tissues.filter((tissue) => tissue !== 'leftBlood' && tissue !== 'rightBlood');
    expect(sheet.length / 2).toBeGreaterThanOrEqual(1);
    expect(sheet.length / 2).toBeLessThanOrEqual(3.5);
  });

  test('muscle is below the lower end of the membranous septum, fat above its upper end', () => {
    const below = outwards(scene, SEPTUM_DEGREES, -patient.root.septumLength - 3, 2, 6);
    expect(below).toEqual(below.map(() => 'myocardium'));
    expect(outwards(scene, SEPTUM_DEGREES, 3, 2, 5)).toContain('fat');
  });

  test('a coronary leaves the root at its ostium', () => {
    for (const side of ['right', 'left'] as const) {
      const { angle, height, radius } = patient.ostia[side];
      expect(distanceBetween(toWorld(placement.root, root.onWall(angle, height)), coronaries.ostia[side])).toBeLessThan(
        1e-6,
      );
      for (const outside of [0.5, 2, 4]) {
        const at = toWorld(placement.root, root.onWall(angle, height, outside));
        expect(organAt(scene, at).name).toBe('coronary artery');
      }
      const beside = toWorld(placement.root, root.onWall(angle + 20, height, 3));
      expect(organAt(scene, beside).name).not.toBe('coronary artery');
      expect(radius * 2 * patient.size).toBeGreaterThanOrEqual(3);
      expect(radius * 2 * patient.size).toBeLessThanOrEqual(4);
    }
  });

  test('the right atrium is to the right of the root, the right outflow tract in front, the left atrium behind', () => {
    const heart = (p: Vec3) => organAt(scene, toWorld(placement.heart, p));
    expect(heart([36, 7, -9]).name).toBe('right atrium');
    expect(['right ventricle', 'pulmonary trunk']).toContain(heart([-8, 36, -8]).name);
    expect(heart([-6, -30, 4]).name).toBe('left atrium');
    expect(heart([-32, 14, -42])).toMatchObject({ name: 'left ventricle', tissue: 'leftBlood' });
  });

  test('calcium is on the valve', () => {
    for (const { box, frame, hu } of scene.calcium) {
      expect(frame).toBe(placement.root);
      const middle = box.min.map((low, axis) => (low + box.max[axis]!) / 2) as unknown as Vec3;
      expect(middle[2]).toBeGreaterThan(-2);
      expect(middle[2]).toBeLessThan(patient.root.commissureHeight + 2);
      expect(root.lumen(...middle)).toBeLessThan(1);
      expect(root.leaflets(...middle)).toBeLessThan(3);
      expect(hu).toBeGreaterThanOrEqual(750);
      expect(hu).toBeLessThanOrEqual(1300);
    }
  });
});

test('most patients have calcium, some little, some much', () => {
  const counts = Array.from({ length: 200 }, (_, seed) => sceneOf(seed).calcium.length);
  const share = (of: (count: number) => boolean) => counts.filter(of).length / counts.length;
  expect(share((count) => count === 0)).toBeGreaterThan(0.01);
  expect(share((count) => count === 0)).toBeLessThan(0.12);
  expect(share((count) => count >= 8)).toBeGreaterThan(0.1);
  expect(share((count) => count > 0 && count <= 3)).toBeGreaterThan(0.2);
});
