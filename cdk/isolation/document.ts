import type { Table } from './design.ts';
import type { Comparison } from './tables.ts';

const BEGIN = '<!-- matrix: npm run docs:isolation -->';
const END = '<!-- /matrix -->';

/** A document with its matrix replaced. */
export function withMatrix(document: string, comparisons: readonly Comparison[]): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the document has no ${BEGIN} … ${END}`);
  const tables = comparisons.map(({ title, actual }) => `### ${title}\n\n${markdownOf(actual)}`).join('\n\n');
  return `${document.slice(0, begin)}${BEGIN}\n\n${tables}\n\n${document.slice(end)}`;
}

function markdownOf(table: Table): string {
  const columns = Object.keys(Object.values(table)[0] ?? {});
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const cellOf = (cell: string | undefined) => (cell === undefined || cell === '.' ? '–' : cell);
  return [
    line(['', ...columns]),
    line(['---', ...columns.map(() => '---')]),
    ...Object.entries(table).map(([row, cells]) => line([row, ...columns.map((column) => cellOf(cells[column]))])),
  ].join('\n');
}
