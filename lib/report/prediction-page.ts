import type { Vec3, Volume } from '../imaging/volume.ts';
import type { Measurement, Measurements } from '../scoring/measurements.ts';
import { fixed } from './format.ts';
import { html, type Markup, verbatim } from './markup.ts';
import { pngUri } from './plane.ts';
import { type CutPicture, type Figure, figuresOf, type Mark, type PredictedTask } from './prediction-figures.ts';
import { STYLE } from './style-sheet.ts';

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
  const { task, volumeMm3, confidence, doubts } = predicted;
  const volume = volumeMm3 === undefined ? undefined : html`<li>volume <b>${fixed(volumeMm3, 1)}\u00a0mm³</b></li>`;
  return html`<section aria-labelledby="${task.id}"><h2 id="${task.id}">${task.title}</h2>
<ul class="facts"><li>confidence <b>${fixed(confidence, 2)}</b></li>${volume}</ul>
${doubts.map((doubt) => html`<p class="bad">Unsure or implausible: ${doubt}.</p>`)}
<div class="gallery">${figuresOf(image, predicted).map((figure) => figureMarkup(figure, predicted))}</div></section>`;
}

function figureMarkup({ title, position, cuts }: Figure, { landmarks }: PredictedTask): Markup {
  if (cuts.length === 0) {
    return landmarks
      ? html`<figure class="case"><figcaption><b>${title}</b> <span class="bad">not found</span></figcaption></figure>`
      : html`<p class="muted">Nothing was found: no voxel is ${title}.</p>`;
  }
  const where = position ? `${vector(position)} mm (RAS)` : 'in the cuts with the most voxels';
  return html`<figure class="case"><div class="cuts">${cuts.map(cutPicture)}</div><figcaption><b>${title}</b> <span class="muted">${where}</span></figcaption></figure>`;
}

function cutPicture({ cut, text, width, height, grey, marks }: CutPicture): Markup {
  return html`<svg class="cut" viewBox="0 0 ${width} ${height}" role="img" aria-label="${text}"><image href="${pngUri(grey, width, height)}" width="${width}" height="${height}"/>${marks.map(markOf)}<text class="cut-name" x="4" y="${height - 4}">${cut}</text></svg>`;
}

function markOf(mark: Mark): Markup {
  if (mark.kind === 'outline') return html`<path class="contour predicted" d="${mark.path}"/>`;
  const { kind, x, y, title } = mark;
  if (kind === 'ring') return html`<circle class="ring" cx="${x}" cy="${y}" r="4"><title>${title}</title></circle>`;
  return html`<path class="cross" d="M${x - 3},${y - 3}l6,6m0,-6l-6,6"><title>${title}</title></path>`;
}

const vector = (values: Vec3, digits = 1): string => `(${values.map((value) => value.toFixed(digits)).join(', ')})`;
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
