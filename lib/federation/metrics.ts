import type { FunctionName } from './functions.ts';

/**
 * The metrics that functions publish and alarms watch. Their dimensions are those of {@link metricDimensions} only:
 * CloudWatch bills every further combination, such as one per campaign. The log line of the same moment names campaign,
 * stage, round and site.
 */
export const METRICS_NAMESPACE = 'fedcardio';

/** Counts, unless the name ends in a unit. An idle function publishes nothing. */
export const METRICS = {
  roundsCommitted: 'RoundsCommitted',
  /** How long a round that can be closed is past its deadline. Grows until a merge succeeds. */
  roundOverdue: 'RoundOverdueSeconds',
  /** For every open round in the last quarter of its time: 1 while it lacks quorum, then 0. */
  roundsShortOfQuorum: 'RoundsShortOfQuorum',
  campaignsCompleted: 'CampaignsCompleted',
  campaignsFailed: 'CampaignsFailed',
  casesExamined: 'CasesExamined',
  casesRejected: 'CasesRejected',
  /** Failed GPU tasks. `aggregate` counts those of all sites, a site's own functions count that site's. */
  tasksFailed: 'TasksFailed',
  tasksNotSent: 'TasksNotSent',
  updatesRefused: 'UpdatesRefused',
  mergesFailed: 'MergesFailed',
  /** Messages that a function could not handle: they are delivered again, and at last moved to the dead-letter queue. */
  recordsFailed: 'RecordsFailed',
  /** Campaigns that a sweep could not advance. */
  sweepsFailed: 'SweepsFailed',
} as const;

export type MetricName = (typeof METRICS)[keyof typeof METRICS];

/** The dimensions of every metric of a function. `site` is given for a site's function. */
export const metricDimensions = (service: FunctionName, federation: string, site?: string) => ({
  service,
  federation,
  ...(site === undefined ? {} : { site }),
});
