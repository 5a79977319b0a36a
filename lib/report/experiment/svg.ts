import { html, type Markup, verbatim } from '../markup.ts';

/** Readable on white and on black, and distinguishable by colour-blind readers (Okabe & Ito). */
export const COLOURS = ['#8a8a8a', '#e69f00', '#0072b2', '#d55e00', '#009e73'] as const;

/** An entry of a legend: a name, and the colour of its marks. */
export interface Entry {
  readonly name: string;
  readonly colour: string;
}

export const legend = (entries: readonly Entry[], x: number): Markup =>
  html`${entries.map(({ name, colour }, index) => html`<circle cx="${x}" cy="${20 + index * 20}" r="5" fill="${colour}"/><text x="${x + 12}" y="${24 + index * 20}">${name}</text>`)}`;

/** Rows of a table as entries, in the order of {@link COLOURS}. */
export const rowEntries = (rows: readonly { readonly title: string }[]): readonly Entry[] =>
  rows.map(({ title }, index) => ({ name: title.replaceAll('*', ''), colour: COLOURS[index] as string }));

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
