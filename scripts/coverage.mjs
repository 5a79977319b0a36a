#!/usr/bin/env node
// Runs the tests and prints, for each room, how much of the code they executed. What runs in processes of its own (commands, GPU
// tasks, chaos) is not counted.
//
//   npm run coverage                   all tests
//   npm run coverage -- lib handlers   tests below these folders
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const reporters = ['json-summary', 'html'].map((name) => `--coverage.reporter=${name}`);
const { status } = spawnSync(
  process.execPath,
  [vitest, 'run', '--coverage', '--coverage.reportOnFailure', ...reporters, ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: 'inherit',
  },
);

// Vitest empties the folder first.
const summary = join(root, 'coverage', 'coverage-summary.json');
if (!existsSync(summary)) process.exit(status || 1);
const { total: all, ...files } = JSON.parse(readFileSync(summary, 'utf8'));
const rooms = new Map();
for (const [file, figures] of Object.entries(files)) {
  const [first, second, third] = relative(root, file).split(sep);
  const room = first === 'lib' && third !== undefined ? `${first}/${second}` : first;
  const sum = rooms.get(room) ?? { lines: { covered: 0, total: 0 }, branches: { covered: 0, total: 0 } };
  for (const kind of ['lines', 'branches']) {
    sum[kind].covered += figures[kind].covered;
    sum[kind].total += figures[kind].total;
  }
  rooms.set(room, sum);
}
const share = ({ covered, total }) => (total === 0 ? '–' : `${((100 * covered) / total).toFixed(1)} %`);
console.log('\n| room | lines | of them executed | branches taken |\n| --- | --- | --- | --- |');
for (const [room, sum] of [...[...rooms].sort(([a], [b]) => (a < b ? -1 : 1)), ['all', all]]) {
  console.log(`| ${room} | ${sum.lines.total} | ${share(sum.lines)} | ${share(sum.branches)} |`);
}
process.exit(status ?? 1);
