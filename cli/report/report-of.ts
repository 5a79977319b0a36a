import type { Score, Stage } from '../../lib/federation/schemas.ts';
import { definitionsOf } from '../../lib/protocol/plan.ts';
import type { ModelReport, Report } from '../../lib/report/report.ts';
import { reportedEvaluations, scoredCases } from '../../lib/report/scored-cases.ts';
import { landmarksByRole, modelMetrics, rolesOf, scoresByRole } from '../../lib/report/scores-by-role.ts';
import { metricsOf } from '../../lib/scoring/metrics.ts';
import type { CampaignRecord } from './collect.ts';

/** How the campaign ended, or that it has not. */
export type ReportedEnd = Pick<Report, 'status'> & { readonly reason?: string | undefined };

/** Facts of a run that the buckets do not hold, or that they hold less exactly. */
export type RunFacts = Pick<
  Report,
  'profile' | 'seed' | 'wallSeconds' | 'peakRssMB' | 'peakRssOf' | 'timeline' | 'createdAt' | 'chain'
>;

/** The report of a campaign's documents. */
export function reportOf(
  campaign: string,
  { status, reason }: ReportedEnd,
  record: CampaignRecord,
  facts: RunFacts,
): Report {
  const { stages } = record.plan.campaign;
  const scores = scoresByRole(stages, [...record.scores.values()].flat());
  const bySite = [...record.scores].map(([site, own]) => [site, modelMetrics(scoresByRole(stages, own))] as const);
  return {
    schema: 'fedcardio.report/1',
    campaign,
    status,
    ...(reason === undefined ? {} : { reason }),
    backend: record.backends.join(', ') || 'unknown',
    ...facts,
    tasks: definitionsOf(record.plan),
    sites: record.sites,
    stages: record.stages,
    rejected: record.rejected,
    unreadSites: record.unreadSites,
    ...(scoredCases(stages) === 'validation' && { scoredOn: 'validation' as const }),
    ...(record.privacy && { privacy: record.privacy }),
    ...(record.casePrivacy && { casePrivacy: record.casePrivacy }),
    models: modelReports(stages, record.scores),
    metrics: modelMetrics(scores),
    landmarks: landmarksByRole(scores),
    bySite: Object.fromEntries(bySite),
  };
}

/** Every evaluated model with its scores. */
export function modelReports(
  stages: readonly Stage[],
  scores: ReadonlyMap<string, readonly Score[]>,
): readonly ModelReport[] {
  const roles = rolesOf(stages);
  return reportedEvaluations(stages).flatMap(({ name: evaluation, models, thresholds = [] }) =>
    [...Object.entries(models), ...thresholds.map(({ name }) => [name, evaluation] as const)].map(
      ([name, stage]): ModelReport => {
        const of = (all: readonly Score[]) => all.filter(({ model }) => model === name);
        const bySite = [...scores].map(([site, all]) => [site, metricsOf(of(all))] as const);
        const role = roles.get(name);
        return {
          name,
          stage: [stage].flat().join(' + '),
          ...(role === undefined ? {} : { role }),
          metrics: metricsOf(of([...scores.values()].flat())),
          bySite: Object.fromEntries(bySite.filter(([, metrics]) => Object.keys(metrics).length > 0)),
        };
      },
    ),
  );
}
