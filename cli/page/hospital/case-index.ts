import { DEFAULT_TASKS, type Task } from '../../../lib/federation/tasks.ts';
import { readTasks } from '../../../lib/storage/federation-tasks.ts';
import { unreadableOf } from '../../../lib/storage/unreadable.ts';
import { createStatesReader, type SiteStates } from '../../site/read-states.ts';
import type { PageContext } from '../context.ts';
import { BULK_REQUESTS_A_MINUTE, type Meter } from '../meter.ts';
import { ownSite } from './own-site.ts';
import { perContext } from './per-context.ts';

/** A listing of all cases counts for this time, ms, whatever is searched for in it. */
const FRESH_MS = 3000;
/**
 * After the listing an answer waits no longer than this, ms, for documents that were never read: the first one for what its
 * screen shows, a later one for as many as can be.
 */
const [FIRST_PATIENCE_MS, PATIENCE_MS] = [250, 1200];

interface Indexed {
  readonly at: number;
  readonly states: Promise<SiteStates>;
}

/** The states of the site's cases. A large site's documents are read over several calls: see `unread`. */
export const indexedCases = perContext((context) => {
  const reader = createStatesReader(ownSite(context).store);
  const { meter } = context;
  let last: Indexed | undefined;
  return async (isUrgent = false): Promise<SiteStates> => {
    const now = performance.now();
    if (last && !isUrgent && now - last.at < FRESH_MS) return last.states;
    const states = reader.read(undefined, true, lateAfter(isUrgent ? PATIENCE_MS : FIRST_PATIENCE_MS, meter));
    last = { at: now, states };
    states.catch(() => {
      if (last?.states === states) last = undefined;
    });
    return states;
  };
});

/** Says that it is late some ms after it was asked first, or if only requests that other screens need are left. */
function lateAfter(ms: number, { count }: Pick<Meter, 'count'>): () => boolean {
  let begun: number | undefined;
  return () => {
    const now = performance.now();
    begun ??= now;
    return now - begun > ms || count() > BULK_REQUESTS_A_MINUTE;
  };
}

/** The federation's tasks; the default ones if the viewer may not read them. */
export async function tasksOf({ federation, federationStore, declared }: PageContext): Promise<readonly Task[]> {
  try {
    return await readTasks({ federation, federationStore });
  } catch (error) {
    if (unreadableOf(error)) return declared?.tasks ?? DEFAULT_TASKS;
    throw error;
  }
}
