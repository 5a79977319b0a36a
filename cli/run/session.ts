import type { OutageEvent } from '../../lib/storage/outages.ts';
import type { Display } from './display.ts';
import type { RunEvent, TimedEvent } from './events.ts';
import { createOutageLines } from './outage-lines.ts';
import { advance, type Progress, secondsLeft, startOf, workDone } from './progress.ts';
import { eventLine, progressBlock } from './progress-text.ts';
import type { RunDirectory } from './run-directory.ts';
import type { RunSite } from './run-site.ts';
import type { Workload } from './workload.ts';

const REDRAW_MS = 200;
const PLAIN_STATUS_SECONDS = 30;
const NO_WORK: Workload = { total: 0, of: () => 0, rounds: new Map() };

/** Stores and shows the events of a run. */
export interface Session {
  emit(event: RunEvent): void;
  /** Sets the work when it becomes known, before any GPU task starts. */
  plan(workload: Workload): void;
  /** Seconds of running time since the run began, including earlier runs. */
  elapsed(): number;
  events(): readonly TimedEvent[];
  /** Shows that the run waits for its storage, or goes on. */
  onOutage(event: OutageEvent): void;
  close(): void;
}

/**
 * Starts a session, after the events of earlier runs in the directory.
 *
 * @param options `now` in milliseconds
 */
export function startSession(options: {
  readonly directory: Pick<RunDirectory, 'events' | 'append'>;
  readonly sites: readonly RunSite[];
  /** The work, if it is known before the cases are delivered. */
  readonly workload: Workload | undefined;
  readonly display: Display;
  readonly now: () => number;
}): Session {
  const { directory, sites, display, now } = options;
  const startedAt = now();
  const earlier = directory.events.at(-1)?.at ?? 0;
  const elapsed = () => earlier + (now() - startedAt) / 1000;

  const events: TimedEvent[] = [...directory.events];
  const seen = new Set(events.flatMap(({ event }) => onceKey(event) ?? []));
  let workload = options.workload ?? NO_WORK;
  const replayed = (): Progress => {
    const progress = events.reduce((state, { event }) => advance(state, event, workload), startOf(sites));
    // GPU tasks of an earlier run no longer run.
    return { ...progress, running: new Map() };
  };
  let progress = replayed();
  let doneBefore = progress.done;
  let trainingSince: number | undefined;

  const lossAt = (event: RunEvent) => ('site' in event ? progress.sites.get(event.site)?.loss : undefined);

  const draw = () => {
    const work = workDone(progress, workload);
    const seconds = trainingSince === undefined ? 0 : (now() - trainingSince) / 1000;
    const left = secondsLeft(progress, workload, { work: work - doneBefore, seconds });
    const share = workload.total > 0 ? Math.min(1, work / workload.total) : 0;
    return progressBlock(progress, workload, { elapsed: elapsed(), left, share, width: display.width });
  };
  const timer = display.live
    ? setInterval(() => display.draw(draw()), REDRAW_MS)
    : setInterval(() => display.say(draw()[0] ?? ''), PLAIN_STATUS_SECONDS * 1000);

  return {
    emit: (event) => {
      const key = onceKey(event);
      if (key !== undefined && seen.has(key)) return;
      if (key !== undefined) seen.add(key);
      if (event.type === 'task-started') trainingSince ??= now();
      progress = advance(progress, event, workload);
      if (event.type === 'task-step') return;
      const timed = { at: Math.round(elapsed() * 1000) / 1000, event };
      events.push(timed);
      directory.append(timed);
      const line = display.live && event.type !== 'task-failed' ? undefined : eventLine(event, workload, lossAt(event));
      if (line) display.say(line);
    },
    plan: (planned) => {
      workload = planned;
      progress = replayed();
      doneBefore = progress.done;
    },
    elapsed,
    events: () => events,
    onOutage: createOutageLines(display.say, now),
    close: () => {
      clearInterval(timer);
      display.clear();
    },
  };
}

/** Key of events that count once: intake rewrites an entry for every label, and a commit may be written twice. */
function onceKey(event: RunEvent): string | undefined {
  switch (event.type) {
    case 'upload':
    case 'cataloged':
    case 'rejected':
      return `${event.type} ${event.site} ${event.caseId}`;
    case 'commit':
      return `commit ${event.stage} ${event.round}`;
    default:
      return undefined;
  }
}
