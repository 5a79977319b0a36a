import { classTitle, type Task } from '../federation/tasks.ts';
import { apply } from '../imaging/affine.ts';
import type { Vec3, Volume } from '../imaging/volume.ts';
import { outlinePath } from './outline.ts';
import { CUTS, type Cut, classSlice, densestLevel, greySlice, type Plane, planeAround, project } from './plane.ts';

/** What a model found for one task, with the class map on the CT's own grid. */
export interface PredictedTask {
  readonly task: Task;
  readonly classMap: Volume;
  readonly landmarks?: Readonly<Record<string, readonly number[] | null>>;
  readonly volumeMm3?: number;
  readonly confidence: number;
  readonly doubts: readonly string[];
}

/** Drawn over a cut, in its pixels. */
export type Mark =
  | { readonly kind: 'cross' | 'ring'; readonly x: number; readonly y: number; readonly title: string }
  | { readonly kind: 'outline'; readonly path: string };

/** A cut through a CT as a grey picture, with marks over it. */
export interface CutPicture {
  readonly cut: Cut;
  /** What it shows, in words. */
  readonly text: string;
  readonly width: number;
  readonly height: number;
  /** Grey values, 0–255, row by row. */
  readonly grey: Uint8Array;
  readonly marks: readonly Mark[];
}

/** The pictures of one point, or of one structure. */
export interface Figure {
  readonly title: string;
  /** World position of a point (RAS, mm). Without it the figure is of a structure. */
  readonly position?: Vec3;
  /** None if the model did not find it. */
  readonly cuts: readonly CutPicture[];
}

const CUT_NAMES = Object.keys(CUTS) as readonly Cut[];
/** Sides of the pictures, mm. */
const POINT_MM = 80;
const STRUCTURE_MM = 120;
/** Points nearer to a cut than this are drawn in it, mm. */
const NEAR_MM = 4;

/** The pictures of what was found for a task: three cuts through each point, or three through a structure. */
export function figuresOf(image: Volume, predicted: PredictedTask): readonly Figure[] {
  const { task, landmarks } = predicted;
  if (!landmarks) return [structureFigure(image, predicted)];
  const points = Object.entries(landmarks).map(([name, position]) => ({ name, position: position as Vec3 | null }));
  return points.map(({ position }, index) => pointFigure(image, classTitle(task, index + 1), position, points));
}

interface Point {
  readonly name: string;
  readonly position: Vec3 | null;
}

function pointFigure(image: Volume, title: string, position: Vec3 | null, all: readonly Point[]): Figure {
  if (!position) return { title, cuts: [] };
  const cuts = CUT_NAMES.map((cut) => {
    const plane = planeAround(cut, position, POINT_MM);
    return pictureOf(image, plane, cut, `${cut} cut through ${title}`, [
      ...all.flatMap((other) => (other.position ? ring(plane, other.name, other.position) : [])),
      cross(plane, title, position),
    ]);
  });
  return { title, position, cuts };
}

/** Along each axis, the cut in which most voxels of the structure lie. */
function structureFigure(image: Volume, { task, classMap }: PredictedTask): Figure {
  const centre = centreOfMask(classMap);
  const title = task.classes.map((_, index) => classTitle(task, index + 1)).join(', ');
  if (!centre) return { title, cuts: [] };
  const cuts = CUT_NAMES.map((cut) => {
    const at = [...centre] as [number, number, number];
    at[CUTS[cut].across] = densestLevel(classMap, cut) ?? at[CUTS[cut].across];
    const plane = planeAround(cut, at, STRUCTURE_MM);
    const path = outlinePath(classSlice(classMap, plane), plane.width, plane.height);
    return pictureOf(image, plane, cut, `${cut} cut with most of ${title}`, [{ kind: 'outline', path }]);
  });
  return { title, cuts };
}

function pictureOf(image: Volume, plane: Plane, cut: Cut, text: string, marks: readonly Mark[]): CutPicture {
  const { width, height } = plane;
  return { cut, text, width, height, grey: greySlice(image, plane), marks };
}

/** A ring around a point in or near the cut. */
function ring(plane: Plane, title: string, position: Vec3): readonly Mark[] {
  const { x, y, depth } = project(plane, position);
  return depth > NEAR_MM ? [] : [{ kind: 'ring', x, y, title }];
}

function cross(plane: Plane, title: string, position: Vec3): Mark {
  const { x, y } = project(plane, position);
  return { kind: 'cross', x, y, title };
}

/** Mean world position of the foreground; undefined without any. */
function centreOfMask({ data, shape, affine }: Volume): Vec3 | undefined {
  const [nx, ny, nz] = shape;
  let [count, sumX, sumY, sumZ] = [0, 0, 0, 0];
  for (let z = 0, i = 0; z < nz; z++)
    for (let y = 0; y < ny; y++)
      for (let x = 0; x < nx; x++, i++) {
        if (data[i] === 0) continue;
        count++;
        sumX += x;
        sumY += y;
        sumZ += z;
      }
  return count === 0 ? undefined : apply(affine, [sumX / count, sumY / count, sumZ / count]);
}
