import type { Vec3 } from '../imaging/volume.ts';

type Three = readonly number[];

export const dot = (a: Three, b: Three): number => a.reduce((sum, value, axis) => sum + value * (b[axis] as number), 0);

export const subtract = (a: Three, b: Three): Vec3 =>
  a.map((value, axis) => value - (b[axis] as number)) as unknown as Vec3;

export const cross = ([a = 0, b = 0, c = 0]: Three, [x = 0, y = 0, z = 0]: Three): Vec3 => [
  b * z - c * y,
  c * x - a * z,
  a * y - b * x,
];
