import type { TimelineEvent } from '../../lib/report/report.ts';
import type { CampaignRecord } from './collect.ts';

/** The timeline of a campaign from the times in its documents, seconds since its plan. */
export function timelineOfRecord({
  plan,
  answers,
  stages,
}: Pick<CampaignRecord, 'plan' | 'answers' | 'stages'>): readonly TimelineEvent[] {
  const since = (iso: string) => Math.max(0, (Date.parse(iso) - Date.parse(plan.at)) / 1000);
  const tasks = answers.flatMap(({ site: lane, stage, round, at, seconds, reason }): TimelineEvent[] => {
    const end = since(at);
    const label = `${stage}, round ${round}`;
    if (reason !== undefined) return [{ lane, kind: 'failure', stage, start: end, label: `${label}: ${reason}` }];
    return [
      { lane, kind: 'task', stage, start: Math.max(0, end - (seconds ?? 0)), end, label },
      { lane, kind: 'update', stage, start: end, label: `update of ${label}` },
    ];
  });
  const commits = stages.flatMap(({ name: stage, commits }) =>
    commits.map(
      ({ round, at }): TimelineEvent => ({
        lane: 'coordinator',
        kind: 'commit',
        stage,
        start: since(at),
        label: `${stage}, round ${round} committed`,
      }),
    ),
  );
  return [...tasks, ...commits].sort((a, b) => a.start - b.start);
}
