/** A piece of HTML or SVG that is safe to insert as it is. */
export interface Markup {
  readonly markup: string;
}

export type Content = Markup | string | number | undefined | null | false | readonly Content[];

/**
 * Builds HTML or SVG; whatever is inserted is escaped unless it is markup itself. Arrays are joined, and
 * `undefined`, `null` and `false` leave nothing.
 *
 * @example
 * html`<td title="${reason}">${rows.map((row) => html`<b>${row.name}</b>`)}</td>`
 */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return { markup: strings.reduce((text, part, index) => text + render(values[index - 1]) + part) };
}

/** Text that is already HTML, such as a style sheet of our own. Never use it on data. */
export const verbatim = (markup: string): Markup => ({ markup });

/** `&`, `<`, `>` and both quotes as entities: safe as text and inside quoted attributes. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function render(value: Content): string {
  if (value === undefined || value === null || value === false) return '';
  if (typeof value === 'string') return escapeHtml(value);
  // Coordinates of drawings: a hundredth of a pixel is enough and keeps the file small.
  if (typeof value === 'number') return String(Math.round(value * 100) / 100);
  if ('markup' in value) return value.markup;
  return value.map(render).join('');
}
