/** Begin and end of a region that is generated: all between the two is replaced. */
const begin = (name: string): string => `<!-- generated: ${name} -->`;
const END = '<!-- /generated -->';

/** Names of the generated regions of a Markdown document, in order. */
export const regionNames = (document: string): readonly string[] =>
  [...document.matchAll(/<!-- generated: ([\w-]+) -->/g)].map(([, name]) => name as string);

/**
 * A document with one region replaced.
 *
 * @throws Error when the document lacks the region or its end
 */
export function replaceRegion(document: string, name: string, content: string): string {
  const start = document.indexOf(begin(name));
  const end = document.indexOf(END, start);
  if (start < 0 || end < 0) throw new Error(`The document has no region ${begin(name)} … ${END}.`);
  return `${document.slice(0, start)}${begin(name)}\n\n${content}\n\n${document.slice(end)}`;
}
