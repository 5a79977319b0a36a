/**
 * The metrics that functions publish and alarms look at: declared once, so that neither can misspell the other's.
 * Dimensions are those of {@link metricDimensions} and no others: every further one, such as the campaign, would be paid
 * for by the month. Which campaign, stage, round and site it was is in the log line of the same moment.
 */
export const METRICS_NAMESPACE = 'fedcardio';

/** Counts, unless the name ends in a unit. Nothing is published while nothing happens. */
export const METRICS = {
  roundsCommitted: 'RoundsCommitted',
  /** Of a round that can be closed: how long it is past its deadline. Grows for as long as no merge succeeds. */
  roundOverdue: 'RoundOverdueSeconds',
  /** With every look at an open round in the last quarter of its time: 1 while its quorum is missing, 0 once it is not. */
  roundsShortOfQuorum: 'RoundsShortOfQuorum',
  campaignsCompleted: 'CampaignsCompleted',
  campaignsFailed: 'CampaignsFailed',
  casesExamined: 'CasesExamined',
  casesRejected: 'CasesRejected',
  /** Sites that answered with a failure, as `aggregate` is told of it; of one site alone where it says so itself. */
  tasksFailed: 'TasksFailed',
  tasksNotSent: 'TasksNotSent',
  updatesRefused: 'UpdatesRefused',
  mergesFailed: 'MergesFailed',
  /** Messages that a function could not handle: they come again, and in the end go to the dead letters. */
  recordsFailed: 'RecordsFailed',
  /** Campaigns that a sweep could not advance. */
  sweepsFailed: 'SweepsFailed',
} as const;

export type MetricName = (typeof METRICS)[keyof typeof METRICS];

/** Functions of a site, of which each site has its own, and those of the federation. */
export const SITE_FUNCTIONS = ['intake', 'dispatch', 'job-failed'] as const;
export const FEDERATION_FUNCTIONS = ['orchestrate', 'aggregate', 'sweep'] as const;
export type FunctionName = (typeof SITE_FUNCTIONS)[number] | (typeof FEDERATION_FUNCTIONS)[number];

/** The dimensions of everything that a function publishes. `site`: of a site's function. */
export const metricDimensions = (service: FunctionName, federation: string, site?: string) => ({
  service,
  federation,
  ...(site === undefined ? {} : { site }),
});
