import type { Vec3, Volume } from '../../lib/imaging/volume.ts';
import { add, cross, times } from '../../lib/phantom/frame.ts';
import { type Content, html, type Markup } from '../../lib/report/markup.ts';
import { classSlice, greySlice, type Plane, pngUri, project } from '../../lib/report/plane.ts';

/** Steps of grey: 64 look like 256 here, and noise costs a third of the bytes. */
const GREY_STEP = 4;

/** A CT slice in a picture: its upper left corner and the units of the picture for a pixel of the plane. */
export interface Panel {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
  readonly plane: Plane;
}

/** Where a point of the patient is in the picture. */
export function place({ x, y, scale, plane }: Panel, point: Vec3): { readonly x: number; readonly y: number } {
  const at = project(plane, point);
  return { x: x + scale * (at.x + 0.5), y: y + scale * (at.y + 0.5) };
}

/** The slice itself, or the brightest values of a slab of `slabMm` around it. */
export function slice({ x, y, scale, plane }: Panel, volume: Volume, slabMm = 0): Markup {
  const grey = projection(plane, slabMm, (at) => greySlice(volume, at)).map((value) => value - (value % GREY_STEP));
  const [width, height] = [plane.width * scale, plane.height * scale];
  return html`  <image x="${x}" y="${y}" width="${width}" height="${height}" href="${pngUri(grey, plane.width, plane.height)}"/>\n`;
}

/** The voxels of a mask in the slice, or in the slab, coloured. */
export function maskOver({ x, y, scale, plane }: Panel, mask: Volume, slabMm = 0): Markup {
  const found = projection(plane, slabMm, (at) => classSlice(mask, at));
  const path = outlineArea(found, plane.width, plane.height);
  return html`  <path class="mask" transform="translate(${x} ${y}) scale(${scale})" d="${path}"/>\n`;
}

/** Steps between the slices of a slab, mm. */
const SLAB_STEP_MM = 0.7;

/** The greatest values of parallel slices. */
function projection(plane: Plane, slabMm: number, sample: (plane: Plane) => Uint8Array): Uint8Array {
  const normal = times(cross(plane.right, plane.down), 1 / plane.pixel ** 2);
  const out = sample(plane);
  for (let step = 1; step * SLAB_STEP_MM <= slabMm / 2; step++) {
    for (const way of [-1, 1]) {
      const origin = add(plane.origin, times(normal, way * step * SLAB_STEP_MM));
      const other = sample({ ...plane, origin });
      for (let i = 0; i < out.length; i++) out[i] = Math.max(out[i]!, other[i]!);
    }
  }
  return out;
}

/** The rows of a mask as an SVG area: one rectangle for each run of pixels. */
function outlineArea(mask: Uint8Array, width: number, height: number): string {
  const parts: string[] = [];
  for (let row = 0; row < height; row++) {
    for (let from = 0; from < width; from++) {
      if (mask[from + width * row] === 0) continue;
      let to = from;
      while (to < width && mask[to + width * row] !== 0) to += 1;
      parts.push(`M${from} ${row}h${to - from}v1h${from - to}z`);
      from = to;
    }
  }
  return parts.join('');
}

/** A point with its name beside it, `dx`, `dy` away from it and joined by a line. */
export function namedPoint(panel: Panel, point: Vec3, name: string, dx: number, dy: number): Content {
  const { x, y } = place(panel, point);
  return [
    (Math.abs(dx) > 14 || Math.abs(dy) > 14) &&
      html`  <line class="leader" x1="${x}" y1="${y}" x2="${x + dx}" y2="${y + dy}"/>\n`,
    html`  <circle class="point" cx="${x}" cy="${y}" r="5"/>\n`,
    html`  <text class="mark" x="${x + dx + (dx < 0 ? -5 : 5)}" y="${y + dy + 4}" text-anchor="${dx < 0 ? 'end' : 'start'}">${name}</text>\n`,
  ];
}

/** A word on the slice, such as the name of a chamber. */
export const note = (x: number, y: number, word: string, anchor: 'start' | 'middle' | 'end' = 'middle'): Markup =>
  html`  <text class="note" x="${x}" y="${y}" text-anchor="${anchor}">${word}</text>\n`;
