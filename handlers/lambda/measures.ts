import { METRICS, type MetricName } from '../../lib/federation/metrics.ts';

export interface Measure {
  readonly name: MetricName;
  readonly value: number;
}

type Fields = Readonly<Record<string, unknown>>;

const once = (name: MetricName): readonly Measure[] => [{ name, value: 1 }];

/** What is counted of what handlers log. An event that is not here is a line and nothing more. */
const MEASURES: Readonly<Record<string, (fields: Fields) => readonly Measure[]>> = {
  'round-committed': () => once(METRICS.roundsCommitted),
  'round-watched': ({ overdueSeconds, shortOfQuorum }) => [
    { name: METRICS.roundOverdue, value: Number(overdueSeconds) },
    ...(shortOfQuorum === undefined ? [] : [{ name: METRICS.roundsShortOfQuorum, value: shortOfQuorum ? 1 : 0 }]),
  ],
  'campaign-ended': ({ status }) => {
    if (status === 'failed') return once(METRICS.campaignsFailed);
    return status === 'completed' ? once(METRICS.campaignsCompleted) : [];
  },
  'case-examined': ({ faults }) => [
    ...once(METRICS.casesExamined),
    ...(Array.isArray(faults) && faults.length > 0 ? once(METRICS.casesRejected) : []),
  ],
  'task-failed': () => once(METRICS.tasksFailed),
  'failure-received': () => once(METRICS.tasksFailed),
  'task-not-sent': () => once(METRICS.tasksNotSent),
  'update-refused': () => once(METRICS.updatesRefused),
  'merge-failed': () => once(METRICS.mergesFailed),
  'record-failed': () => once(METRICS.recordsFailed),
  'sweep-failed': () => once(METRICS.sweepsFailed),
};

export const measuresOf = (event: string, fields: Fields): readonly Measure[] => MEASURES[event]?.(fields) ?? [];

type Level = 'debug' | 'info' | 'warn' | 'error';

const LEVELS: Readonly<Record<string, Level>> = {
  // Each minute for every open round: as a metric it says enough.
  'round-watched': 'debug',
  'task-failed': 'warn',
  'failure-received': 'warn',
  'update-refused': 'warn',
  'summary-unreadable': 'warn',
  'task-not-sent': 'error',
  'merge-failed': 'error',
  'record-failed': 'error',
  'sweep-failed': 'error',
};

export const levelOf = (event: string): Level => LEVELS[event] ?? 'info';
