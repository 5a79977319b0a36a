import { html, type Markup } from '../../lib/report/markup.ts';
import type { InversionPictures } from './inversion.ts';

/** A page with the middle slice of the patch and of each reconstruction, side by side. */
export function picturePage({ truth, images }: InversionPictures, side: number): string {
  const figures = [
    { seen: 'the true patch', image: truth },
    ...images.map(({ seen, image }) => ({ seen: `from the ${seen}`, image })),
  ];
  const page = html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Gradient inversion</title>
<body style="font-family:sans-serif">
<h1>Gradient inversion of one patch</h1>
<p>Middle slice. Each picture is scaled to its own range. This page shows a CT of your hospital: keep it there.</p>
<div style="display:flex;gap:2em;flex-wrap:wrap">${figures.map(({ seen, image }) => html`<figure>${slice(image, side)}<figcaption>${seen}</figcaption></figure>`)}</div>
</body>
</html>
`;
  return page.markup;
}

/** The middle slice in grey. */
function slice(image: Float32Array, side: number): Markup {
  const plane = image.slice(Math.floor(side / 2) * side * side).slice(0, side * side);
  const [low, high] = [Math.min(...plane), Math.max(...plane)];
  const cells = Array.from(plane, (value, i) => {
    const grey = Math.round((255 * (value - low)) / (high - low || 1));
    return html`<rect x="${i % side}" y="${Math.floor(i / side)}" width="1.02" height="1.02" fill="rgb(${grey},${grey},${grey})"/>`;
  });
  return html`<svg width="240" height="240" viewBox="0 0 ${side} ${side}" shape-rendering="crispEdges">${cells}</svg>`;
}
