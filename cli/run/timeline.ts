import type { TimelineEvent } from '../../lib/report/report.ts';
import { type TimedEvent, taskKey } from './events.ts';

const COORDINATOR = 'coordinator';

/**
 * The timeline of the report. Excludes GPU tasks that an interruption ended, because they are repeated after the resume.
 */
export function timelineOf(events: readonly TimedEvent[]): readonly TimelineEvent[] {
  const started = new Map<string, number>();
  return events.flatMap(({ at, event }): TimelineEvent[] => {
    switch (event.type) {
      case 'upload':
        return [{ lane: event.site, kind: 'upload', start: at, label: `${event.caseId} uploaded` }];
      case 'cataloged':
        return [{ lane: event.site, kind: 'intake', start: at, label: `${event.caseId} cataloged` }];
      case 'rejected':
        return [{ lane: event.site, kind: 'rejected', start: at, label: `${event.caseId}: file rejected` }];
      case 'task-started':
        started.set(taskKey(event), at);
        return [];
      case 'task-done':
      case 'task-failed': {
        const { site: lane, stage, round } = event;
        const start = started.get(taskKey(event)) ?? at;
        const failed = event.type === 'task-failed';
        const label = `${stage}, round ${round}${failed ? `, failed: ${event.reason}` : ''}`;
        const task: TimelineEvent = { lane, kind: 'task', stage, start, end: at, label };
        return [
          task,
          { lane, kind: failed ? 'failure' : 'update', stage, start: at, label: failed ? label : `update of ${label}` },
        ];
      }
      case 'commit':
        return [
          {
            lane: COORDINATOR,
            kind: 'commit',
            stage: event.stage,
            start: at,
            label: `${event.stage}, round ${event.round} committed`,
          },
        ];
      default:
        return [];
    }
  });
}
