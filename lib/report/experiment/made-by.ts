import type { SeedResult } from './seed-result.ts';

/** How results were made. Git shortens a commit to more characters the larger the clone is: seven name it everywhere. */
export function madeBy(command: string, results: readonly Pick<SeedResult, 'commit' | 'seed' | 'backend'>[]): string {
  const unique = (values: readonly string[]) => [...new Set(values)].join(', ');
  const commits = results.map(({ commit }) => commit.replace(/^([0-9a-f]{7})[0-9a-f]*/, '$1'));
  const seeds = results.map(({ seed }) => seed).join(', ');
  return `Made by \`${command}\` at commit ${unique(commits)}, seeds ${seeds}, on ${unique(results.map(({ backend }) => backend))}.`;
}
