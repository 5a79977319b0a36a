import { FUNCTIONS } from '../functions.ts';
import { code, markdownTable } from './markdown.ts';

const TRIGGERS: Readonly<Record<(typeof FUNCTIONS)[number]['trigger']['kind'], string>> = {
  queue: 'its queue',
  'batch-job-failed': 'EventBridge, *Batch Job State Change*, `FAILED`',
  'every-minute': 'a schedule, every minute',
};

/** The table of Lambda functions, for docs/functions.md. */
export const functionsTable = (): string =>
  markdownTable(
    ['function', 'one for each', 'trigger', 'time-out, s', 'what it does'],
    FUNCTIONS.map(({ name, scope, trigger, timeoutSeconds, does }) => [
      code(name),
      scope,
      TRIGGERS[trigger.kind],
      String(timeoutSeconds),
      does,
    ]),
  );
