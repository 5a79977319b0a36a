import { type GpuTaskRef, type RunEvent, taskKey } from './events.ts';
import type { RunSite } from './run-site.ts';
import type { Workload } from './workload.ts';

/** Everything that the display shows. Each event results in a new value. */
export interface Progress {
  readonly sites: ReadonlyMap<string, SiteProgress>;
  /** Committed rounds of each stage. */
  readonly committed: ReadonlyMap<string, number>;
  /** Work of finished GPU tasks in units of the workload, each counted once. */
  readonly done: number;
  readonly finished: ReadonlySet<string>;
  /** Progress of running GPU tasks, as shares of their work. */
  readonly running: ReadonlyMap<string, RunningGpuTask>;
}

export interface SiteProgress {
  readonly name: string;
  readonly cases: number;
  readonly uploaded: number;
  readonly cataloged: number;
  readonly rejected: number;
  readonly loss: number | undefined;
}

export interface RunningGpuTask extends GpuTaskRef {
  readonly step: number;
  readonly steps: number;
}

/** The progress before the first event. */
export const startOf = (sites: readonly RunSite[]): Progress => ({
  sites: new Map(
    sites.map(({ id, name, training, evaluation }) => [
      id,
      { name, cases: training + evaluation, uploaded: 0, cataloged: 0, rejected: 0, loss: undefined },
    ]),
  ),
  committed: new Map(),
  done: 0,
  finished: new Set(),
  running: new Map(),
});

/** The progress after an event. */
export function advance(progress: Progress, event: RunEvent, workload: Workload): Progress {
  switch (event.type) {
    case 'upload':
      return updateSite(progress, event.site, (site) => ({ uploaded: site.uploaded + 1 }));
    case 'cataloged':
      return updateSite(progress, event.site, (site) => ({ cataloged: site.cataloged + 1 }));
    case 'rejected':
      return updateSite(progress, event.site, (site) => ({ rejected: site.rejected + 1 }));
    case 'task-started':
      return { ...progress, running: withEntry(progress.running, taskKey(event), { ...event, step: 0, steps: 0 }) };
    case 'task-step': {
      const running = withEntry(progress.running, taskKey(event), event);
      // GPU tasks without training report no loss, and must not show that of an earlier one.
      return updateSite({ ...progress, running }, event.site, () => ({ loss: event.loss }));
    }
    case 'task-done':
    case 'task-failed': {
      const key = taskKey(event);
      const running = new Map([...progress.running].filter(([other]) => other !== key));
      const work = progress.finished.has(key) ? 0 : workload.of(event);
      const finished = new Set(progress.finished).add(key);
      return { ...progress, running, finished, done: progress.done + work };
    }
    case 'commit': {
      const round = Math.max(event.round, progress.committed.get(event.stage) ?? 0);
      return { ...progress, committed: withEntry(progress.committed, event.stage, round) };
    }
  }
}

/** Work done so far, including the steps of running GPU tasks. */
export const workDone = (progress: Progress, workload: Workload): number =>
  [...progress.running.values()].reduce(
    (sum, task) => sum + (task.steps > 0 ? (workload.of(task) * task.step) / task.steps : 0),
    progress.done,
  );

/**
 * Seconds left at the pace of this session; undefined while too little is done for an estimate.
 *
 * @param session work of this session, and its seconds of training
 */
export function secondsLeft(
  progress: Progress,
  workload: Workload,
  session: { readonly work: number; readonly seconds: number },
): number | undefined {
  const enough = session.work >= workload.total * 0.01 && session.seconds >= 3;
  if (!enough) return undefined;
  return (Math.max(0, workload.total - workDone(progress, workload)) * session.seconds) / session.work;
}

function updateSite(progress: Progress, id: string, change: (site: SiteProgress) => Partial<SiteProgress>): Progress {
  const site = progress.sites.get(id);
  return site ? { ...progress, sites: withEntry(progress.sites, id, { ...site, ...change(site) }) } : progress;
}

const withEntry = <K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> => new Map(map).set(key, value);
