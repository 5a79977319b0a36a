import { parseRoundKey, siteKeys } from '../../lib/federation/keys.ts';
import type { Federation } from '../../lib/federation/schemas.ts';
import { names } from '../../lib/federation/topology.ts';
import type { OpenBucket } from '../../lib/storage/contract.ts';
import { wrapBuckets } from '../../lib/storage/stores.ts';
import type { LauncherEvent } from '../../local/process-launcher.ts';
import type { RunEvent } from './events.ts';

/** Calls `onWrite` after every successful write. */
export const observeWrites = (openBucket: OpenBucket, onWrite: (bucket: string, key: string) => void): OpenBucket =>
  wrapBuckets(openBucket, (store) => ({
    ...store,
    put: async (key, body, options) => {
      const written = await store.put(key, body, options);
      onWrite(store.bucket, key);
      return written;
    },
    putIfAbsent: async (key, body) => {
      const outcome = await store.putIfAbsent(key, body);
      if (outcome === 'created') onWrite(store.bucket, key);
      return outcome;
    },
  }));

/** The run's event for a handler's write; undefined if the display does not show it. */
export function eventOfWrite(federation: Federation, bucket: string, key: string): RunEvent | undefined {
  const site = federation.sites.find(({ id }) => names.siteBucket(federation.id, id) === bucket)?.id;
  if (site !== undefined) {
    const caseId = /\/([^/]+)\.json$/.exec(key)?.[1] ?? '';
    if (key === siteKeys.catalog(caseId)) return { type: 'cataloged', site, caseId };
    return key === siteKeys.rejected(caseId) ? { type: 'rejected', site, caseId } : undefined;
  }
  const round = parseRoundKey(key);
  return round?.rest === 'commit.json' ? { type: 'commit', stage: round.at.stage, round: round.at.round } : undefined;
}

/** The run's event for an event of a GPU task; undefined if the display does not show it. */
export function eventOfGpuTask(event: LauncherEvent): RunEvent | undefined {
  if (event.type === 'output' || event.type === 'retrying' || event.type === 'outage') return undefined;
  const { stage, round, site } = event.message;
  switch (event.type) {
    case 'started':
      return { type: 'task-started', stage, round, site };
    case 'progress': {
      const { done: step, total: steps, loss } = event.progress;
      return { type: 'task-step', stage, round, site, step, steps, ...(loss === undefined ? {} : { loss }) };
    }
    case 'done':
      return { type: 'task-done', stage, round, site };
    case 'failed':
      return { type: 'task-failed', stage, round, site, reason: event.reason };
  }
}
