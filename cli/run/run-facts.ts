import type { RunFacts } from '../report/report-of.ts';
import type { Run } from './run-locally.ts';
import { timelineOf } from './timeline.ts';

/**
 * What a run on this machine knows and its buckets do not: its time, its memory and its events.
 *
 * @param peakGpuTaskRss highest memory that a GPU task reported, bytes, for a machine whose processes cannot be watched
 */
export const runFacts = ({ session, memory }: Run, peakGpuTaskRss: number): Omit<RunFacts, 'profile' | 'seed'> => ({
  createdAt: new Date().toISOString(),
  wallSeconds: Math.round(session.elapsed() * 10) / 10,
  peakRssMB: Math.round((memory.peak() || peakGpuTaskRss) / 1e5) / 10,
  peakRssOf: memory.peak() > 0 ? 'process tree' : 'largest task',
  timeline: timelineOf(session.events()),
});
