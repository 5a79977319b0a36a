import type { Vec3 } from '../imaging/volume.ts';
import { type Distance, smoothstep } from './solids.ts';

/** Lengths in the units of the root's frame (mm at size 1). */
export interface RootShape {
  readonly annulusRadius: number;
  /** From the annulus plane to the sinotubular junction. */
  readonly sinusHeight: number;
  /** Protrusion of the middle of a sinus beyond the commissures. */
  readonly sinusBulge: number;
  readonly ascendingRadius: number;
  /** (long − short) / (long + short) of the annulus. */
  readonly ellipticity: number;
  /** Offset of the cusps' centre from the annulus' centre; makes cusps of unequal size. */
  readonly cuspOffset: readonly [number, number];
  readonly commissureHeight: number;
  readonly coaptationHeight: number;
  readonly leafletThickness: number;
  readonly septumLength: number;
}

/**
 * The aortic root as functions of a point (u, v, w): w along its axis from ventricle to aorta, 0 in the annulus plane;
 * v to the middle of the right coronary sinus, roughly the patient's front; u to the patient's right. Angles are in
 * degrees from v towards u: right sinus 0, non-coronary 120, left −120. The commissure of right and non-coronary sinus,
 * with the membranous septum below it, is at 60.
 */
export interface Root {
  readonly shape: RootShape;
  /** Signed distance to the inner surface of outflow tract, sinuses and proximal aorta. */
  readonly lumen: Distance;
  /** Unsigned distance to the middle of the closed leaflets. */
  readonly leaflets: Distance;
  /** The wall of `thickness` around the lumen, including the lumen. */
  readonly wall: (thickness: number) => Distance;
  /** Septal muscle below the right sinus; its crest dips below the membranous septum. */
  readonly muscle: Distance;
  /** Fat between root and right heart, above the annulus only. */
  readonly fat: Distance;
  /** The point of the inner surface at an angle and height, moved outwards by `outwards`. */
  readonly onWall: (degrees: number, height: number, outwards?: number) => Vec3;
  /** The point of a leaflet at an angle, at `share` of the way from the coaptation (0) to the attachment (1). */
  readonly onLeaflet: (degrees: number, share: number) => Vec3;
}

export const CUSP_DEGREES = { right: 0, left: -120, nonCoronary: 120 } as const;
export const SEPTUM_DEGREES = 60;

/** From the sinotubular junction to where the aorta has its full width and leaves the axis of the root. */
export const TAPER = 8;

const WALL_MM = 1.6;
const LUNULE_MM = 3;
const MUSCLE_MM = 9;
const FAR = 1e3;

const towardsSeptum = cosineTo(SEPTUM_DEGREES);
const towardsMuscle = cosineTo(5);
const towardsRightHeart = cosineTo(30);

export function createRoot(shape: RootShape): Root {
  const { annulusRadius, sinusHeight, sinusBulge, ascendingRadius, commissureHeight, coaptationHeight } = shape;
  const [du, dv] = shape.cuspOffset;
  const junctionRadius = annulusRadius * 1.1;

  const widening = (w: number) =>
    (junctionRadius - annulusRadius) * smoothstep(0, sinusHeight, w) +
    (ascendingRadius - junctionRadius) * smoothstep(sinusHeight, sinusHeight + TAPER, w);
  // Steepest at the bottom, widest a third of the way up: the corner with the outflow tract is where a reader of the
  // image sees the hinge.
  const bulge = (w: number) => {
    const t = w / sinusHeight;
    return t <= 0 || t >= 1 ? 0 : sinusBulge * 6.75 * t * (1 - t) * (1 - t);
  };
  const radius = (lobe: number, w: number) => annulusRadius + widening(w) + lobe * bulge(w);
  const stretch = (w: number) => shape.ellipticity * (1 - smoothstep(0, 12, w));

  /** cos 3θ about the centre of the cusps: 1 in the middle of a sinus, −1 at a commissure. Needs no trigonometry. */
  const cos3 = (u: number, v: number) => {
    const a = u - du;
    const b = v - dv;
    const c = b / Math.max(Math.sqrt(a * a + b * b), 1e-9);
    return (4 * c * c - 3) * c;
  };
  const attachment = (cosine3: number) => commissureHeight * (1 - Math.sqrt(Math.max(0, (1 + cosine3) / 2)));

  const outward =
    (thickness: (u: number, v: number, w: number, r: number) => number): Distance =>
    (u, v, w) => {
      const e = stretch(w);
      const U = u / (1 + e);
      const V = v / (1 - e);
      const r = Math.sqrt(U * U + V * V);
      const lobe = (1 + cos3(U, V)) / 2;
      const slope = radius(lobe, w + 0.5) - radius(lobe, w - 0.5);
      return (r - radius(lobe, w)) / Math.sqrt(1 + slope * slope) - thickness(U, V, w, r);
    };
  const lumen = outward(() => 0);

  const muscle = outward((u, v, w, r) => {
    if (w > 1) return -FAR;
    const membranous = smoothstep(0.72, 0.96, towardsSeptum(u, v, r));
    // An abrupt crest below the membranous septum; elsewhere muscle that thickens slowly below the hinges.
    const below = -w - shape.septumLength * membranous;
    const depth = smoothstep(-0.5, 9 - 6.5 * membranous, below) * smoothstep(-0.1, 0.4, towardsMuscle(u, v, r));
    return depth === 0 ? -FAR : MUSCLE_MM * depth;
  });

  const fat = outward((u, v, w, r) => {
    const depth = 4 * smoothstep(0, 1, towardsRightHeart(u, v, r)) * smoothstep(-0.5, 2, w);
    return depth === 0 ? -FAR : WALL_MM + depth;
  });

  const leaflets: Distance = (u, v, w) => {
    const e = stretch(w);
    const U = u / (1 + e);
    const V = v / (1 - e);
    const r = Math.sqrt(U * U + V * V);
    const c = cos3(U, V);
    const lobe = (1 + c) / 2;
    if (r > radius(lobe, w) + 0.3) return FAR;
    const edge = attachment(c);
    const reach = radius(lobe, edge);
    const gap = Math.max(0, 1 - r / reach);
    const rise = coaptationHeight - edge;
    const height = edge + rise * gap * gap;
    const radial = (2 * rise * gap) / reach;
    const around = (commissureHeight * 1.5 * Math.sqrt((1 - c) / 2) * (1 - gap * gap)) / Math.max(r, 1);
    const sheet = Math.abs(w - height) / Math.sqrt(1 + radial * radial + around * around);
    // Where two leaflets meet they are in contact over the height of the lunule.
    const besideSeam = (r * Math.sqrt(lobe)) / 1.5;
    return Math.min(sheet, Math.max(besideSeam, w - height - LUNULE_MM, height - w));
  };

  /** On the ray from the centre of the cusps, `share` of the way to the circle of radius r; not yet stretched. */
  const onRay = (degrees: number, r: number, share: number): readonly [number, number] => {
    const [sin, cos] = [Math.sin((degrees * Math.PI) / 180), Math.cos((degrees * Math.PI) / 180)];
    const b = du * sin + dv * cos;
    const t = share * (Math.sqrt(b * b - du * du - dv * dv + r * r) - b);
    return [du + t * sin, dv + t * cos];
  };
  const stretched = ([u, v]: readonly [number, number], w: number): Vec3 => [
    u * (1 + stretch(w)),
    v * (1 - stretch(w)),
    w,
  ];

  const onWall = (degrees: number, height: number, outwards = 0): Vec3 =>
    stretched(onRay(degrees, radius(lobeAt(degrees), height) + outwards, 1), height);

  const onLeaflet = (degrees: number, share: number): Vec3 => {
    const edge = attachment(2 * lobeAt(degrees) - 1);
    const reach = radius(lobeAt(degrees), edge);
    const [u, v] = onRay(degrees, reach, share);
    const gap = Math.max(0, 1 - Math.sqrt(u * u + v * v) / reach);
    return stretched([u, v], edge + (coaptationHeight - edge) * gap * gap);
  };

  return { shape, lumen, leaflets, wall: (thickness) => outward(() => thickness), muscle, fat, onWall, onLeaflet };
}

const lobeAt = (degrees: number): number => (1 + Math.cos((degrees * Math.PI) / 60)) / 2;

/** Cosine of the angle between (u, v) of length r and a direction in degrees from v towards u. */
function cosineTo(degrees: number): (u: number, v: number, r: number) => number {
  const [sin, cos] = [Math.sin((degrees * Math.PI) / 180), Math.cos((degrees * Math.PI) / 180)];
  return (u, v, r) => (u * sin + v * cos) / Math.max(r, 1e-9);
}
