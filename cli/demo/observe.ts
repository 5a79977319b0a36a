import { parseRoundKey, siteKeys } from '../../lib/federation/keys.ts';
import type { Federation } from '../../lib/federation/schemas.ts';
import { names } from '../../lib/federation/topology.ts';
import type { Objects } from '../../lib/storage/contract.ts';
import type { DemoEvent } from './events.ts';

/** The same objects, with a look at every write that succeeds. Handlers notice nothing of it. */
export function observeWrites(objects: Objects, onWrite: (bucket: string, key: string) => void): Objects {
  return {
    ...objects,
    put: async (bucket, key, body, options) => {
      const written = await objects.put(bucket, key, body, options);
      onWrite(bucket, key);
      return written;
    },
    putIfAbsent: async (bucket, key, body) => {
      const outcome = await objects.putIfAbsent(bucket, key, body);
      if (outcome === 'created') onWrite(bucket, key);
      return outcome;
    },
  };
}

/** What a handler's write means to the demo, or undefined for those that change nothing to see. */
export function eventOfWrite(federation: Federation, bucket: string, key: string): DemoEvent | undefined {
  const site = federation.sites.find(({ id }) => names.siteBucket(federation.id, id) === bucket)?.id;
  if (site !== undefined) {
    const caseId = /\/([^/]+)\.json$/.exec(key)?.[1] ?? '';
    if (key === siteKeys.catalog(caseId)) return { type: 'cataloged', site, caseId };
    return key === siteKeys.rejected(caseId) ? { type: 'rejected', site, caseId } : undefined;
  }
  const round = parseRoundKey(key);
  return round?.rest === 'commit.json' ? { type: 'commit', stage: round.at.stage, round: round.at.round } : undefined;
}
