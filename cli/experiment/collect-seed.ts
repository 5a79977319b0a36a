import { execFileSync } from 'node:child_process';
import { TASKS } from '../../lib/federation/tasks.ts';
import type { SeedResult } from '../../lib/report/experiment/seed-result.ts';
import type { StageReport } from '../../lib/report/report.ts';
import type { Scenario } from '../demo/scenario.ts';
import type { CampaignRecord } from '../report/collect.ts';

type Facts = Pick<SeedResult, 'profile' | 'seed' | 'commit' | 'createdAt' | 'wallSeconds' | 'peakRssMB' | 'ceiling'>;

/** The raw figures of a finished campaign. */
export function seedResultOf(scenario: Scenario, record: CampaignRecord, facts: Facts): SeedResult {
  return {
    schema: 'fedcardio.experiment/1',
    ...facts,
    backend: record.backends.join(', '),
    sites: scenario.sites.map(({ id, name, training, evaluation, labelled }) => ({
      id,
      name,
      training,
      evaluation,
      labelled,
    })),
    stages: record.stages.map(({ name, kind, participants, commits }) => ({
      name,
      kind,
      participants: [...participants],
      losses: commits.flatMap(({ figures }) => (figures.loss === undefined ? [] : [rounded(figures.loss, 4)])),
      seconds: rounded(sum(commits.flatMap(({ updates }) => updates.map(({ seconds }) => seconds))), 1),
    })),
    pseudoLabels: Object.fromEntries(
      record.stages.filter(({ kind }) => kind === 'pseudo-label').map((stage) => [stage.name, countsOf(stage)]),
    ),
    scores: roundedBySite(record.scores),
    comparisons: roundedBySite(record.comparisons),
  };
}

/** Cases without labels and accepted pseudo-labels, summed over the sites. */
function countsOf({ commits }: StageReport): SeedResult['pseudoLabels'][string] {
  const counts: SeedResult['pseudoLabels'][string] = { unlabelled: {}, accepted: {} };
  for (const { figures } of commits.flatMap(({ updates }) => updates)) {
    for (const [name, value] of Object.entries(figures)) {
      const [task = '', what] = name.split('/');
      if (!Object.hasOwn(TASKS, task) || (what !== 'unlabelled' && what !== 'accepted')) continue;
      counts[what][task] = (counts[what][task] ?? 0) + value;
    }
  }
  return counts;
}

const roundedBySite = <T>(bySite: ReadonlyMap<string, readonly T[]>): Record<string, T[]> =>
  Object.fromEntries([...bySite].map(([site, items]) => [site, items.map(withRounded)]));

/** A copy with every number rounded to four decimals, at any depth. */
function withRounded<T>(value: T): T {
  const text = JSON.stringify(value, (_, item) => (typeof item === 'number' ? rounded(item, 4) : item));
  return JSON.parse(text) as T;
}

/** Call it before results are written: they may be part of the repository and would count as changes. */
export function commitOfSource(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty', '--exclude=*'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const rounded = (value: number, digits: number) => Math.round(value * 10 ** digits) / 10 ** digits;
