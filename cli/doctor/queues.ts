import type { Federation } from '../../lib/federation/schemas.ts';
import { names, topologyOf } from '../../lib/federation/topology.ts';
import type { Queues } from '../../lib/storage/contract.ts';
import { attempt, type Finding, ok, warning } from './finding.ts';

/**
 * Names of a federation's queues: the coordinator's, and those of the sites.
 *
 * @param declared tells which sites are on-premises. Without it, all sites count as on AWS.
 */
export function queuesOf(federation: string, sites: readonly string[], declared?: Federation): readonly string[] {
  // A federation needs a site. Its queues are dropped if none was asked for.
  const listed = (sites.length > 0 ? sites : ['none']).map(
    (id) => declared?.sites.find((site) => site.id === id) ?? { id, name: id },
  );
  const { queues } = topologyOf({ schema: 'fedcardio.federation/1', id: federation, sites: listed });
  return queues.filter(({ site }) => site === undefined || sites.includes(site)).map(({ name }) => name);
}

/** Messages of a queue that wait, and those of its dead-letter queue. */
export const checkQueue = (queues: Queues, queue: string): Promise<Finding> =>
  attempt(`queue ${queue}`, async () => {
    const { waiting, inFlight } = await queues.depth(queue);
    const { waiting: dead } = await queues.depth(names.deadLetterQueue(queue));
    const found = `${waiting} waiting, ${inFlight} in work, ${dead} dead letters`;
    return dead === 0
      ? ok(`queue ${queue}`, found)
      : warning(
          `queue ${queue}`,
          found,
          'Find the cause as docs/operation/dead-letters.md says, then send them again.',
        );
  });
