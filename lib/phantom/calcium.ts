import type { Vec3 } from '../imaging/volume.ts';
import { pick, type Random, uniform } from '../random.ts';
import type { Frame } from './frame.ts';
import type { Structure } from './paint.ts';
import { CUSP_DEGREES, type Root } from './root.ts';
import { tube } from './solids.ts';

/** One calcified nodule of the valve. */
export interface Nodule extends Structure {
  readonly hu: number;
}

const FREE_OF_CALCIUM = 0.06;
const MOST_NODULES = 14;

/**
 * Calcium of the valve, from none (one patient in sixteen) to much: lumpy strings of nodules along the attachments of
 * the leaflets, on their bellies and beside the commissures, always denser than the most opaque blood.
 */
export function calciumOf(root: Root, frame: Frame, random: Random): readonly Nodule[] {
  if (random() < FREE_OF_CALCIUM) return [];
  // The square of a uniform number: few patients have much.
  const count = 1 + Math.round((MOST_NODULES - 1) * random() ** 2 + 1.5 * random());
  return Array.from({ length: count }, () => {
    const cusp = pick(random, Object.values(CUSP_DEGREES));
    const share = pick(random, [0.95, 0.8, 0.6]) + uniform(random, -0.05, 0.05);
    const start = cusp + uniform(random, -48, 48);
    const sweep = uniform(random, 6, 22) * (random() < 0.5 ? -1 : 1);
    const knots = [0, 0.5, 1].map((t) => knot(root.onLeaflet(start + sweep * t, share), uniform(random, 0.9, 2.2)));
    return { ...tube(knots), frame, hu: uniform(random, 750, 1300) };
  });
}

const knot = (p: Vec3, radius: number) => [...p, radius] as const;
