/** HTML or SVG that is safe to insert unescaped. */
export interface Markup {
  readonly markup: string;
}

export type Content = Markup | string | number | undefined | null | false | readonly Content[];

/**
 * Builds HTML or SVG. Inserted values are escaped unless they are markup. Arrays are joined; `undefined`, `null` and
 * `false` insert nothing.
 *
 * @example
 * html`<td title="${reason}">${rows.map((row) => html`<b>${row.name}</b>`)}</td>`
 */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return { markup: strings.reduce((text, part, index) => text + render(values[index - 1]) + part) };
}

/** Text that is already HTML, such as our own style sheet. Never use it on data. */
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
  // A hundredth of a pixel is enough for coordinates and keeps the file small.
  if (typeof value === 'number') return String(Math.round(value * 100) / 100);
  if ('markup' in value) return value.markup;
  return value.map(render).join('');
}
