import { type Content, html, type Markup, verbatim } from '../../lib/report/markup.ts';

/** Languages of the hospital pages and their pictures. */
export const LANGUAGES = ['en', 'de'] as const;
export type Language = (typeof LANGUAGES)[number];
/** A text in each language. */
export type Words = Readonly<Record<Language, string>>;

/** A picture of the hospital pages. */
export interface Picture {
  /** Name of the file without `.svg`. */
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly title: Words;
  /** What a reader who cannot see the picture needs to know. */
  readonly description: Words;
  readonly content: (language: Language) => Content;
}

/** The look of docs/flow.svg: system fonts, light and dark. Marks on a CT keep their colours, since a CT is always dark. */
const STYLE = `
    text { font: 14px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #1f2933; }
    .panel { fill: #f5f7fa; stroke: #cbd2d9; }
    .store { fill: #ffffff; stroke: #7b8794; }
    .work { fill: #e3f0fb; stroke: #2f7fc1; }
    .good { fill: #e5f5ea; stroke: #2e8b57; }
    .bad { fill: #fdecea; stroke: #c0392b; }
    .head { font-size: 17px; font-weight: 600; }
    .name { font-weight: 600; }
    .small { font-size: 12px; fill: #52606d; }
    .key { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
    .mid { text-anchor: middle; }
    .end { text-anchor: end; }
    .line { fill: none; stroke: #52606d; stroke-width: 1.5; marker-end: url(#tip); }
    .branch { fill: none; stroke: #7b8794; }
    .tip { fill: #52606d; }
    .loop { stroke: #c0392b; marker-end: url(#tipbad); }
    .tipbad { fill: #c0392b; }
    .wall { stroke: #c0392b; stroke-width: 1.5; stroke-dasharray: 2 5; }
    .tick, .cross { fill: none; stroke-width: 2.5; stroke-linecap: round; stroke-linejoin: round; }
    .tick { stroke: #2e8b57; }
    .cross { stroke: #c0392b; }
    .goodtext { fill: #1f6f43; font-weight: 600; }
    .badtext { fill: #a93226; font-weight: 600; }
    .mark { font: 600 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #ffffff; }
    .note { font: 600 12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #ffffff; }
    .mark, .note { stroke: #000000; stroke-width: 3.5px; stroke-linejoin: round; paint-order: stroke; }
    .leader { stroke: #ffffff; stroke-width: 1.2; }
    .point { fill: #ffd23f; stroke: #000000; stroke-width: 1.2; }
    .axis { stroke: #7fd4ff; stroke-width: 1.2; stroke-dasharray: 5 4; }
    .number { fill: #2f7fc1; }
    .numeral { fill: #ffffff; font-weight: 600; }
    .mask { fill: #ff4fa3; fill-opacity: 0.75; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .panel { fill: #161b22; stroke: #30363d; }
      .store { fill: #0d1117; stroke: #8b949e; }
      .work { fill: #10263d; stroke: #58a6ff; }
      .good { fill: #0f2a1a; stroke: #3fb950; }
      .bad { fill: #34140f; stroke: #ff7b72; }
      .small { fill: #9da7b1; }
      .line { stroke: #9da7b1; }
      .branch { stroke: #8b949e; }
      .tip { fill: #9da7b1; }
      .loop { stroke: #ff7b72; }
      .tipbad { fill: #ff7b72; }
      .wall { stroke: #ff7b72; }
      .tick { stroke: #3fb950; }
      .cross { stroke: #ff7b72; }
      .goodtext { fill: #3fb950; }
      .badtext { fill: #ff7b72; }
    }
  `;

const arrowHead = (id: string, look: string): Markup =>
  html`<marker id="${id}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="${look}" d="M0 0 8 4 0 8z"/></marker>`;

/** The file of a picture in a language. */
export function svgOf({ width, height, title, description, content }: Picture, language: Language): string {
  return `${
    html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title desc" xml:lang="${language}">
  <title id="title">${title[language]}</title>
  <desc id="desc">${description[language]}</desc>
  <style>${verbatim(STYLE)}</style>
  <defs>${arrowHead('tip', 'tip')}${arrowHead('tipbad', 'tipbad')}</defs>
${content(language)}
</svg>`.markup
  }\n`;
}

/** A line of text. `look` names classes of the style sheet. */
export const text = (x: number, y: number, line: string, look = ''): Markup =>
  html`  <text${look !== '' && html` class="${look}"`} x="${x}" y="${y}">${line}</text>\n`;

/** A heading that is right or wrong: a tick or a cross as a shape, since fonts may lack the characters. */
export const verdict = (x: number, y: number, isGood: boolean, line: string): Content => [
  isGood
    ? html`  <path class="tick" d="M${x + 1} ${y - 5}l4 4 7-9"/>\n`
    : html`  <path class="cross" d="M${x + 2} ${y - 10}l9 9m0-9l-9 9"/>\n`,
  text(x + 20, y, line, isGood ? 'goodtext' : 'badtext'),
];

/** Lines of text below each other. */
export const lines = (x: number, y: number, rows: readonly string[], look = '', step = 17): readonly Markup[] =>
  rows.map((row, index) => text(x, y + step * index, row, look));

/** A box of a look of the style sheet: `panel`, `store`, `work`, `good`, `bad`. */
export const box = (look: string, x: number, y: number, width: number, height: number, radius = 8): Markup =>
  html`  <rect class="${look}" x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}"/>\n`;

/** A box with a name and lines below it, all centred. */
export const step = (
  look: string,
  [x, y, width, height]: readonly [number, number, number, number],
  name: string,
  rows: readonly string[],
): Content => [
  box(look, x, y, width, height),
  text(x + width / 2, y + 26, name, 'name mid'),
  lines(x + width / 2, y + 48, rows, 'small mid'),
];

/** An arrow along a path of SVG. `look` may add `loop`, for the way back. */
export const arrow = (path: string, look = ''): Markup =>
  html`  <path class="line${look && ` ${look}`}" d="${path}"/>\n`;
