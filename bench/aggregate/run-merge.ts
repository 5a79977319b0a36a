import { fileURLToPath } from 'node:url';
import { runInProcess } from '../processes/run-in-process.ts';
import type { Task, TaskFigures } from './merge-process.ts';

const TASK = fileURLToPath(new URL('merge-process.ts', import.meta.url));

/** Runs a download or a merge in its own process, so that its memory can be measured. */
export const runMergeProcess = (task: Task): Promise<TaskFigures> => runInProcess(TASK, task);
