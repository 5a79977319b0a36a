import { DEFAULT_TASKS, type Task } from '../tasks.ts';
import { code, markdownTable } from './markdown.ts';

const classesOf = ({ classes }: Task): string => classes.map((name, index) => `${index + 1} ${code(name)}`).join(', ');

/** The files that hospitals upload as labels, for docs/intake.md. */
export const labelFilesTable = (): string =>
  markdownTable(
    ['task', 'file', 'classes or point names'],
    DEFAULT_TASKS.map((task) => [
      code(task.id),
      task.kind === 'landmarks' ? '`.mrk.json` or `.nii.gz`' : '`.nii.gz`',
      classesOf(task),
    ]),
  );

/** The table of tasks, for docs/method.md. */
export const tasksTable = (): string =>
  markdownTable(
    ['task', 'kind', 'classes (0 is background)'],
    DEFAULT_TASKS.map((task) => [code(task.id), task.kind, classesOf(task)]),
  );
