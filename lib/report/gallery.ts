import { classTitle, type Task, WITHIN_MM } from '../federation/tasks.ts';
import type { Landmark, Vec3, Volume } from '../imaging/volume.ts';
import { fixed, millimetres } from './format.ts';
import { html, type Markup } from './markup.ts';
import { outlinePath } from './outline.ts';
import { classSlice, densestLevel, greySlice, type Plane, planeThrough, pngUri, project } from './plane.ts';

/** One held-out case with the truth and a model's predictions, all on the image's own grid. */
export interface GalleryCase {
  readonly site: string;
  readonly caseId: string;
  readonly image: Volume;
  readonly landmarks: readonly LandmarkPair[];
  readonly masks: readonly MaskPair[];
}

export interface LandmarkPair {
  readonly task: Task;
  readonly truth: readonly Landmark[];
  readonly predicted: readonly Landmark[];
}

/** Class maps of a segmentation, with the Dice of each class: null if neither map has it. */
export interface MaskPair {
  readonly task: Task;
  readonly truth: Volume;
  readonly predicted: Volume;
  readonly dice: readonly (number | null)[];
}

interface Point {
  readonly name: string;
  readonly truth: Vec3;
  readonly predicted: Vec3 | null;
  /** Error in mm; null if the point is missing. */
  readonly error: number | null;
}

/** The case in cuts: axial and coronal through the landmarks, and for each segmentation axial where its mask is largest. */
export function galleryFigure(of: GalleryCase): Markup {
  const points = of.landmarks.flatMap(pairPoints);
  const centre = centroid(points.map(({ truth }) => truth));
  const cuts = [
    ...(centre
      ? [
          landmarkCut('axial', planeThrough(of.image, 'axial', centre[2]), of, points),
          landmarkCut('coronal', planeThrough(of.image, 'coronal', centre[1]), of, points),
        ]
      : []),
    ...of.masks.flatMap((pair) => {
      const level = densestLevel(pair.truth);
      return level === undefined ? [] : [maskCut(planeThrough(of.image, 'axial', level), of, pair)];
    }),
  ];
  return html`<figure class="case"><div class="cuts">${cuts}</div><figcaption><b>${of.site}</b> <span class="muted">${of.caseId}</span><ul class="errors">${points.map(errorItem)}${of.masks.flatMap(diceItems)}</ul></figcaption></figure>`;
}

const landmarkCut = (name: string, plane: Plane, of: GalleryCase, points: readonly Point[]): Markup =>
  cutFigure(
    name,
    plane,
    of,
    `${points.length} landmarks`,
    points.map((point) => landmark(plane, point)),
  );

function maskCut(plane: Plane, of: GalleryCase, { task, truth, predicted }: MaskPair): Markup {
  const structure = task.classes.map((_, index) => classTitle(task, index + 1)).join(' and ');
  const contours = (volume: Volume, kind: string) => {
    const slice = classSlice(volume, plane);
    return task.classes.map((_, index) => {
      const mask = slice.map((value) => Number(value === index + 1));
      return html`<path class="contour ${kind}" d="${outlinePath(mask, plane.width, plane.height)}"/>`;
    });
  };
  const marks = [...contours(truth, 'truth'), ...contours(predicted, 'predicted')];
  return cutFigure(`axial, most ${structure}`, plane, of, structure, marks);
}

function cutFigure(name: string, plane: Plane, of: GalleryCase, shown: string, marks: readonly Markup[]): Markup {
  const { width, height } = plane;
  const alt = `${of.site}, ${of.caseId}: CT, ${name} cut, with ${shown} of the truth and of the model`;
  return html`<label class="enlarge"><input type="checkbox" aria-label="Enlarge: ${alt}"><svg class="cut" viewBox="0 0 ${width} ${height}" role="img" aria-label="${alt}"><image href="${pngUri(greySlice(of.image, plane), width, height)}" width="${width}" height="${height}"/>${marks}<text class="cut-name" x="4" y="${height - 4}">${name}</text></svg></label>`;
}

function landmark(plane: Plane, point: Point): Markup {
  const truth = project(plane, point.truth);
  const title = html`<title>${point.name}: ${errorText(point)}</title>`;
  const ring = html`<circle class="ring" cx="${truth.x}" cy="${truth.y}" r="4" opacity="${visibility(truth.depth)}">${title}</circle>`;
  if (!point.predicted) return ring;
  const { x, y, depth } = project(plane, point.predicted);
  return html`${ring}<path class="cross" d="M${x - 3},${y - 3}l6,6m0,-6l-6,6" opacity="${visibility(depth)}">${title}</path>`;
}

const diceItems = ({ task, dice }: MaskPair): readonly Markup[] =>
  dice.map((value, index) => html`<li>${classTitle(task, index + 1)} Dice <b>${fixed(value, 2)}</b></li>`);

const errorItem = (point: Point): Markup =>
  html`<li class="${point.error !== null && point.error <= WITHIN_MM ? 'near' : 'far'}">${point.name} <b>${errorText(point)}</b></li>`;

const errorText = ({ error }: Point) => (error === null ? 'missing' : millimetres(error));

/** Points fade with their distance from the cut: solid within 3 mm, faint from 15 mm on. */
const visibility = (depth: number) => Math.min(1, Math.max(0.35, 1 - (0.65 * (depth - 3)) / 12));

function pairPoints(pair: LandmarkPair): readonly Point[] {
  return pair.truth.flatMap(({ label, position: truth }): Point[] => {
    if (!truth) return [];
    const predicted = pair.predicted.find((candidate) => candidate.label === label)?.position ?? null;
    const name = classTitle(pair.task, label);
    const error = predicted && Math.hypot(predicted[0] - truth[0], predicted[1] - truth[1], predicted[2] - truth[2]);
    return [{ name, truth, predicted, error }];
  });
}

function centroid(points: readonly Vec3[]): Vec3 | undefined {
  if (points.length === 0) return undefined;
  const along = (axis: 0 | 1 | 2) => points.reduce((sum, point) => sum + point[axis], 0) / points.length;
  return [along(0), along(1), along(2)];
}
