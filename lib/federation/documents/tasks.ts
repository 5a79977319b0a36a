import { TASK_IDS, TASKS, type TaskId } from '../tasks.ts';
import { code, markdownTable } from './markdown.ts';

const classesOf = (id: TaskId): string =>
  TASKS[id].classes.map((name, index) => `${index + 1} ${code(name)}`).join(', ');

/** The files that hospitals upload as labels, for docs/intake.md. */
export const labelFilesTable = (): string =>
  markdownTable(
    ['task', 'file', 'classes or point names'],
    TASK_IDS.map((id) => [
      code(id),
      TASKS[id].kind === 'landmarks' ? '`.mrk.json` or `.nii.gz`' : '`.nii.gz`',
      classesOf(id),
    ]),
  );

/** The table of tasks, for docs/method.md. */
export const tasksTable = (): string =>
  markdownTable(
    ['task', 'kind', 'classes (0 is background)'],
    TASK_IDS.map((id) => [code(id), TASKS[id].kind, classesOf(id)]),
  );
