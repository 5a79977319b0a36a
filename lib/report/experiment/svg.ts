import { html, type Markup, verbatim } from '../markup.ts';

/** Readable on white and on black, and distinguishable by colour-blind readers (Okabe & Ito). */
export const COLOURS = ['#8a8a8a', '#e69f00', '#0072b2', '#d55e00', '#009e73'] as const;

export const legend = (names: readonly string[], x: number): Markup =>
  html`${names.map((name, index) => html`<circle cx="${x}" cy="${20 + index * 20}" r="5" fill="${COLOURS[index] as string}"/><text x="${x + 12}" y="${24 + index * 20}">${name}</text>`)}`;

/** An SVG file that is readable on a light and on a dark page. */
export function drawing(width: number, height: number, label: string, content: Markup): string {
  const style = verbatim(
    'text{font:12px system-ui,sans-serif;fill:#16202c}.grid{stroke:#dfe4ea}.middle{text-anchor:middle}.end{text-anchor:end}',
  );
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" role="img" aria-label="${label}"><style>${style}</style><rect width="100%" height="100%" fill="#fff"/>
${content}
</svg>
`.markup;
}
