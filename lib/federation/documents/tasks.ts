import { TASK_IDS, TASKS } from '../tasks.ts';
import { code, markdownTable } from './markdown.ts';

/** The table of tasks, for docs/method.md. */
export const tasksTable = (): string =>
  markdownTable(
    ['task', 'kind', 'classes (0 is background)'],
    TASK_IDS.map((id) => [
      code(id),
      TASKS[id].kind,
      TASKS[id].classes.map((name, index) => `${index + 1} ${code(name)}`).join(', '),
    ]),
  );
