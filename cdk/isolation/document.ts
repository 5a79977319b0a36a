import { markdownTable } from '../../lib/federation/documents/markdown.ts';
import type { Table } from './design.ts';
import { FEDERATION, synthesizeAll } from './example-federation.ts';
import { compareKeys, KEYED } from './key-tables.ts';
import { type Comparison, compareCoordinator, compareMachine, compareSite } from './tables.ts';
import { readWorld } from './world.ts';

/** Tables of what AWS would allow each role, for docs/security.md. Takes several seconds. */
export async function isolationTables(): Promise<string> {
  const world = readWorld(synthesizeAll(FEDERATION));
  return isolationDocument([
    ...(await compareSite(world, 'bonn', 'ulm')),
    ...(await compareMachine(world, 'kiel', 'ulm')),
    ...(await compareCoordinator(world, 'bonn')),
  ]);
}

/** Tables of what AWS would allow each role with keys, for every choice of `encryption`. Takes several seconds. */
export async function keyTables(): Promise<string> {
  const comparisons: Comparison[] = [];
  for (const encryption of KEYED) {
    const world = readWorld(synthesizeAll({ ...FEDERATION, encryption }));
    comparisons.push(...(await compareKeys(world, encryption, { site: 'bonn', machine: 'kiel', other: 'ulm' })));
  }
  return isolationDocument(comparisons);
}

export const isolationDocument = (comparisons: readonly Comparison[]): string =>
  comparisons.map(({ title, actual }) => `### ${title}\n\n${markdownOf(actual)}`).join('\n\n');

function markdownOf(table: Table): string {
  const columns = Object.keys(Object.values(table)[0] ?? {});
  const cellOf = (cell: string | undefined) => (cell === undefined || cell === '.' ? '–' : cell);
  return markdownTable(
    ['', ...columns],
    Object.entries(table).map(([row, cells]) => [row, ...columns.map((column) => cellOf(cells[column]))]),
  );
}
