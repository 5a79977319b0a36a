import { fileURLToPath } from 'node:url';
import { runInProcess } from '../processes/run-in-process.ts';
import type { MergeFigures, MergeJob } from './merge-process.ts';

const PROCESS = fileURLToPath(new URL('merge-process.ts', import.meta.url));

/** Runs a merge or download in its own process, to measure its memory. */
export const runMerge = (job: MergeJob): Promise<MergeFigures> => runInProcess(PROCESS, job);
