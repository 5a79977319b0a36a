import { FedcardioError } from '../../lib/error.ts';
import type { Federation } from '../../lib/federation/schemas.ts';
import { type Place, type QueueSpec, topologyOf } from '../../lib/federation/topology.ts';
import { nearest } from '../../lib/nearest.ts';
import { printable } from '../../lib/printable.ts';
import type { FederationStore } from '../../lib/storage/contract.ts';
import { readSummaries } from '../../lib/storage/summaries.ts';

interface Known {
  /** `federation.json`, if there is one. */
  readonly declared: Federation | undefined;
  readonly federation: Federation;
  readonly federationStore: Pick<FederationStore, 'bucket' | 'tryGet' | 'list'>;
}

/** The queues of a federation. Without federation.json, its sites are those that have sent counts, all on AWS. */
export async function federationQueues({
  declared,
  federation,
  federationStore,
}: Known): Promise<readonly QueueSpec[]> {
  if (declared) return topologyOf(declared).queues;
  const { counts } = await readSummaries(federationStore);
  return topologyOf({ ...federation, sites: [...counts.keys()].map((id) => ({ id, name: id })) }).queues;
}

/** Account and region of a queue, or of its dead-letter queue. */
export function queuePlaces(specs: readonly QueueSpec[]): (queue: string) => Place {
  const places = new Map(specs.flatMap((spec) => [[spec.name, spec] as const, [spec.deadLetterQueue, spec] as const]));
  return (queue) => places.get(queue) ?? {};
}

/** The queue of this name, or whose dead-letter queue has it. @throws FedcardioError `NOT_FOUND` with the nearest name */
export function queuesNamed(specs: readonly QueueSpec[], wanted: string): readonly QueueSpec[] {
  const chosen = specs.filter(({ name, deadLetterQueue }) => wanted === name || wanted === deadLetterQueue);
  if (chosen.length > 0) return chosen;
  const names = specs.map(({ name }) => name);
  const near = nearest(wanted, names);
  throw new FedcardioError('NOT_FOUND', `The federation has no queue "${printable(wanted)}".`, {
    hint: `${near === undefined ? '' : `Did you mean "${near}"? `}Queues are ${names.join(', ')}.`,
  });
}
