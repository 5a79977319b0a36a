import { METRICS, type MetricName } from '../../lib/federation/metrics.ts';

export interface Measure {
  readonly name: MetricName;
  readonly value: number;
}

type Fields = Readonly<Record<string, unknown>>;

const once = (name: MetricName): readonly Measure[] => [{ name, value: 1 }];

/** Metrics by log event. An event that is not listed is only logged. */
const MEASURES = new Map<string, (fields: Fields) => readonly Measure[]>(
  Object.entries({
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
  }),
);

export const measuresOf = (event: string, fields: Fields): readonly Measure[] => MEASURES.get(event)?.(fields) ?? [];

type Level = 'debug' | 'info' | 'warn' | 'error';

const LEVELS: Readonly<Record<string, Level>> = {
  // Logged every minute for every open round: the metric suffices.
  'round-watched': 'debug',
  'task-failed': 'warn',
  'failure-received': 'warn',
  'update-refused': 'warn',
  'summary-unreadable': 'warn',
  'case-not-counted': 'warn',
  'task-not-sent': 'error',
  'merge-failed': 'error',
  'record-failed': 'error',
  'rescan-failed': 'error',
  'sweep-failed': 'error',
};

export const levelOf = (event: string): Level => LEVELS[event] ?? 'info';
