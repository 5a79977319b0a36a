import { classTitle, type Task } from '../federation/tasks.ts';
import { apply } from '../imaging/affine.ts';
import type { Vec3, Volume } from '../imaging/volume.ts';
import type { Measurement, Measurements } from '../scoring/measurements.ts';
import { fixed } from './format.ts';
import { html, type Markup, verbatim } from './markup.ts';
import { outlinePath } from './outline.ts';
import {
  CUTS,
  type Cut,
  classSlice,
  densestLevel,
  greySlice,
  type Plane,
  planeAround,
  pngUri,
  project,
} from './plane.ts';
import { STYLE } from './style-sheet.ts';

/** What a model found for one task, with the class map on the CT's own grid. */
export interface PredictedTask {
  readonly task: Task;
  readonly classMap: Volume;
  readonly landmarks?: Readonly<Record<string, readonly number[] | null>>;
  readonly volumeMm3?: number;
  readonly confidence: number;
  readonly doubts: readonly string[];
}

export interface PredictionPage {
  /** Name of the CT's file. */
  readonly ct: string;
  readonly image: Volume;
  readonly predicted: readonly PredictedTask[];
  readonly measured: Measurements;
  /** Where the prediction comes from: a term and its text. */
  readonly provenance: readonly (readonly [string, string])[];
  readonly purpose: string;
}

const CUT_NAMES = Object.keys(CUTS) as readonly Cut[];
/** Sides of the pictures, mm. */
const POINT_MM = 80;
const STRUCTURE_MM = 120;
/** Points nearer to a cut than this are drawn in it, mm. */
const NEAR_MM = 4;

/** The predictions in one CT as one self-contained HTML page: no script, and nothing is loaded. */
export function predictionPage(of: PredictionPage): string {
  const title = `Prediction in ${of.ct}`;
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title>
<style>${verbatim(STYLE)}</style></head><body><main>
<header><h1>${title}</h1><p class="lead bad">${capital(of.purpose)}.</p>
<p class="notice">No reader has checked these findings. The patient's right is on the left; in sagittal cuts the front is on the left.</p></header>
${measurementsTable(of.measured)}
${of.predicted.map((predicted) => taskSection(of.image, predicted))}
<section aria-labelledby="provenance"><h2 id="provenance">Where this comes from</h2><table><tbody>${of.provenance.map(([term, text]) => html`<tr><th scope="row">${term}</th><td><code>${text}</code></td></tr>`)}</tbody></table></section>
</main></body></html>
`.markup;
}

function measurementsTable({ measurements, annulusPlane }: Measurements): Markup | undefined {
  if (measurements.length === 0) return undefined;
  const plane =
    annulusPlane &&
    html`<p class="muted">Plane of the annulus: centre ${vector(annulusPlane.centre)} mm, normal ${vector(annulusPlane.normal, 3)} towards the aorta (RAS).</p>`;
  return html`<section aria-labelledby="measurements"><h2 id="measurements">Measurements</h2><div class="scroll" tabindex="0"><table><thead><tr><th scope="col">what</th><th scope="col" class="number">value</th><th scope="col">unsure or implausible because</th></tr></thead><tbody>${measurements.map(measurementRow)}</tbody></table></div>${plane}</section>`;
}

const measurementRow = ({ title, value, unit, reason, doubts }: Measurement): Markup =>
  html`<tr><th scope="row">${title}</th><td class="number">${value === null ? 'not measured' : `${fixed(value, 1)}\u00a0${unit}`}</td><td class="bad">${[...(reason === undefined ? [] : [reason]), ...doubts].join('; ')}</td></tr>`;

function taskSection(image: Volume, predicted: PredictedTask): Markup {
  const { task, landmarks, volumeMm3, confidence, doubts } = predicted;
  const points = Object.entries(landmarks ?? {}).map(([name, position]) => ({
    name,
    position: position as Vec3 | null,
  }));
  const volume = volumeMm3 === undefined ? undefined : html`<li>volume <b>${fixed(volumeMm3, 1)}\u00a0mm³</b></li>`;
  return html`<section aria-labelledby="${task.id}"><h2 id="${task.id}">${task.title}</h2>
<ul class="facts"><li>confidence <b>${fixed(confidence, 2)}</b></li>${volume}</ul>
${doubts.map((doubt) => html`<p class="bad">Unsure or implausible: ${doubt}.</p>`)}
<div class="gallery">${landmarks ? points.map((point, index) => pointFigure(image, task, index + 1, point, points)) : structureFigure(image, predicted)}</div></section>`;
}

interface Point {
  readonly name: string;
  readonly position: Vec3 | null;
}

function pointFigure(image: Volume, task: Task, label: number, { position }: Point, all: readonly Point[]): Markup {
  const title = classTitle(task, label);
  if (!position)
    return html`<figure class="case"><figcaption><b>${title}</b> <span class="bad">not found</span></figcaption></figure>`;
  const cuts = CUT_NAMES.map((cut) => {
    const plane = planeAround(cut, position, POINT_MM);
    return cutPicture(image, plane, `${cut} cut through ${title}`, cut, [
      ...all.flatMap((other) => (other.position ? ring(plane, other.name, other.position) : [])),
      cross(plane, title, position),
    ]);
  });
  return html`<figure class="case"><div class="cuts">${cuts}</div><figcaption><b>${title}</b> <span class="muted">${vector(position)} mm (RAS)</span></figcaption></figure>`;
}

/** Along each axis, the cut in which most voxels of the structure lie. */
function structureFigure(image: Volume, { task, classMap }: PredictedTask): Markup {
  const centre = centreOfMask(classMap);
  const names = task.classes.map((_, index) => classTitle(task, index + 1)).join(', ');
  if (!centre) return html`<p class="muted">Nothing was found: no voxel is ${names}.</p>`;
  const cuts = CUT_NAMES.map((cut) => {
    const at = [...centre] as [number, number, number];
    at[CUTS[cut].across] = densestLevel(classMap, cut) ?? at[CUTS[cut].across];
    const plane = planeAround(cut, at, STRUCTURE_MM);
    const outline = outlinePath(classSlice(classMap, plane), plane.width, plane.height);
    return cutPicture(image, plane, `${cut} cut with most of ${names}`, cut, [
      html`<path class="contour predicted" d="${outline}"/>`,
    ]);
  });
  return html`<figure class="case"><div class="cuts">${cuts}</div><figcaption><b>${names}</b> <span class="muted">in the cuts with the most voxels</span></figcaption></figure>`;
}

function cutPicture(image: Volume, plane: Plane, alt: string, name: string, marks: readonly Markup[]): Markup {
  const { width, height } = plane;
  return html`<svg class="cut" viewBox="0 0 ${width} ${height}" role="img" aria-label="${alt}"><image href="${pngUri(greySlice(image, plane), width, height)}" width="${width}" height="${height}"/>${marks}<text class="cut-name" x="4" y="${height - 4}">${name}</text></svg>`;
}

/** A ring around a point in or near the cut. */
function ring(plane: Plane, name: string, position: Vec3): readonly Markup[] {
  const { x, y, depth } = project(plane, position);
  if (depth > NEAR_MM) return [];
  return [html`<circle class="ring" cx="${x}" cy="${y}" r="4"><title>${name}</title></circle>`];
}

function cross(plane: Plane, title: string, position: Vec3): Markup {
  const { x, y } = project(plane, position);
  return html`<path class="cross" d="M${x - 3},${y - 3}l6,6m0,-6l-6,6"><title>${title}</title></path>`;
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

const vector = (values: Vec3, digits = 1): string => `(${values.map((value) => value.toFixed(digits)).join(', ')})`;
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
