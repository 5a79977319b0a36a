import type { Vec3 } from '../imaging/volume.ts';
import { type Random, uniform } from '../random.ts';
import type { RootShape } from './root.ts';

/** All that differs between patients. Lengths of the root are at size 1; multiply by `size` for mm. */
export interface Patient {
  readonly size: number;
  /** Rotation of the heart in the chest about the world's axes, and of the chest in the scanner, degrees. */
  readonly heartDegrees: Vec3;
  readonly chestDegrees: Vec3;
  /** Rotation of the commissures about the axis of the root, degrees. */
  readonly twistDegrees: number;
  /** The image's centre in scanner coordinates, and the root's offset from it, mm. */
  readonly tableMm: Vec3;
  readonly offsetMm: Vec3;
  readonly root: RootShape;
  readonly ostia: { readonly right: Ostium; readonly left: Ostium };
  /** Factors on the scanner's HU of blood in the left and right heart, on its noise and on its pixel spacing. */
  readonly contrast: { readonly left: number; readonly right: number };
  readonly noise: number;
  readonly pixel: number;
}

interface Ostium {
  /** Degrees about the root's axis, from the middle of the right sinus towards the patient's right. */
  readonly angle: number;
  /** Above the annulus plane, at size 1. */
  readonly height: number;
  readonly radius: number;
}

/**
 * Draws a random patient. The ranges follow CT studies of TAVI candidates: annulus 21–29 mm, sinus height 1.7 annulus
 * radii (Koshkelashvili et al. 2019), sinus to commissure 29 ± 3 mm, coronary ostia 8–16 mm above the annulus,
 * membranous septum 4–9 mm.
 */
export function drawPatient(random: Random): Patient {
  const between = (low: number, high: number) => uniform(random, low, high);
  const about = (reach: number): Vec3 => [between(-reach, reach), between(-reach, reach), between(-reach, reach)];
  const size = between(0.88, 1.14);
  const annulusRadius = 12.4 * between(0.98, 1.02);
  const sinusHeight = annulusRadius * between(1.6, 1.78);
  const ostium = (middle: number, low: number, high: number): Ostium => ({
    angle: middle + between(-9, 9),
    height: between(low, high) / size,
    radius: between(1.6, 2) / size,
  });
  return {
    size,
    heartDegrees: about(15),
    chestDegrees: about(4),
    twistDegrees: between(-10, 10),
    tableMm: [between(-20, 20), between(-170, -110), between(-900, -500)],
    offsetMm: about(6),
    root: {
      annulusRadius,
      sinusHeight,
      sinusBulge: between(4.2, 5.4),
      ascendingRadius: annulusRadius * between(1.16, 1.3),
      ellipticity: between(0.01, 0.08),
      cuspOffset: [between(-1, 1), between(-1, 1)],
      commissureHeight: sinusHeight * between(0.84, 0.92),
      coaptationHeight: sinusHeight * between(0.38, 0.5),
      leafletThickness: between(1, 1.7),
      septumLength: between(4.6, 9) / size,
    },
    ostia: { right: ostium(3, 9, 16), left: ostium(-112, 8.5, 15.5) },
    contrast: { left: between(0.91, 1.09), right: between(0.88, 1.14) },
    noise: between(0.85, 1.2),
    pixel: between(0.95, 1.08),
  };
}
