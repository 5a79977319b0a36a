import { FUNCTIONS } from '../functions.ts';
import { code, markdownTable } from './markdown.ts';

function triggerOf(trigger: (typeof FUNCTIONS)[number]['trigger']): string {
  if (trigger.kind === 'queue') return 'its queue';
  if (trigger.kind === 'batch-job-failed') return 'EventBridge, *Batch Job State Change*, `FAILED`';
  const schedule = `a schedule, every ${trigger.everyMinutes === 1 ? 'minute' : `${trigger.everyMinutes} minutes`}`;
  return trigger.kind === 'batch-jobs' ? `EventBridge, *Batch Job State Change*; ${schedule}` : schedule;
}

/** The table of Lambda functions, for docs/functions.md. */
export const functionsTable = (): string =>
  markdownTable(
    ['function', 'one for each', 'trigger', 'time-out, s', 'what it does'],
    FUNCTIONS.map(({ name, scope, trigger, timeoutSeconds, does }) => [
      code(name),
      scope,
      triggerOf(trigger),
      String(timeoutSeconds),
      does,
    ]),
  );
