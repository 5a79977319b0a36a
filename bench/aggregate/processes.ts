import { fileURLToPath } from 'node:url';
import { runInProcess } from '../processes/run-in-process.ts';
import type { Task, TaskFigures } from './task.ts';

const TASK = fileURLToPath(new URL('task.ts', import.meta.url));

/** Runs a task in a process of its own, so that its memory is its own. */
export const runGpuTask = (task: Task): Promise<TaskFigures> => runInProcess(TASK, task);
