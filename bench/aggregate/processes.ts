import { fileURLToPath } from 'node:url';
import { runInProcess } from '../processes/run-in-process.ts';
import type { Task, TaskFigures } from './task.ts';

const TASK = fileURLToPath(new URL('task.ts', import.meta.url));

/** Runs a download or a merge in its own process, so that its memory can be measured. */
export const runMergeProcess = (task: Task): Promise<TaskFigures> => runInProcess(TASK, task);
