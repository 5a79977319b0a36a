/** Runs one merge or download in this process. The argument is a {@link MergeJob} as JSON. Prints its figures as JSON. */

import { withoutIncrementalMarking } from '../../lib/aggregation/incremental-marking.ts';
import type { MergeInput } from '../../lib/aggregation/inputs.ts';
import { mergeUpdates } from '../../lib/aggregation/merge.ts';
import type { MergeOptions } from '../../lib/aggregation/merge-options.ts';
import { READS_AHEAD } from '../../lib/aggregation/pass.ts';
import { mapConcurrently } from '../../lib/async.ts';
import { createObjectStorage } from '../../lib/aws/objects.ts';
import type { StoredFile } from '../../lib/federation/schemas.ts';
import { peakRss } from '../../lib/peak-rss.ts';
import type { FederationStore } from '../../lib/storage/contract.ts';
import { BUCKET } from './models.ts';

export interface MergeJob {
  readonly endpoint: string;
  readonly inputs: readonly MergeInput[];
  /** Undefined to download all inputs and discard them. */
  readonly merge?: Pick<MergeOptions, 'aggregation' | 'base' | 'delta' | 'dtype' | 'key' | 'stateKey'>;
}

export interface MergeFigures {
  readonly seconds: number;
  /** Processor time of all threads. */
  readonly cpuSeconds: number;
  readonly peakRssMB: number;
  readonly requests: number;
  readonly global?: StoredFile;
  readonly state?: StoredFile | null;
}

/** Read size of the merge. Some strategies use smaller ones. */
const READ_BYTES = 4 * 1024 * 1024;

const job: MergeJob = JSON.parse(process.argv[2] as string);
let requests = 0;
const client: FederationStore = createObjectStorage({ endpoint: job.endpoint })(BUCKET);
const store: FederationStore = {
  ...client,
  getRange: (...args) => {
    requests++;
    return client.getRange(...args);
  },
};

async function run(): Promise<Pick<MergeFigures, 'global' | 'state'>> {
  if (!job.merge) {
    await withoutIncrementalMarking(download);
    return {};
  }
  const merged = await mergeUpdates(job.inputs, { store, ...job.merge });
  if (merged.kind !== 'merged') throw new Error(JSON.stringify(merged));
  return merged;
}

/** Downloads all inputs with the same client as fast as it can: ranges of all inputs in turn, into reused memory. */
async function download(): Promise<void> {
  const longest = Math.max(...job.inputs.map(({ weights }) => weights.bytes));
  const starts = Array.from({ length: Math.ceil(longest / READ_BYTES) }, (_, i) => i * READ_BYTES);
  const ranges = starts.flatMap((start) => job.inputs.map(({ weights }) => ({ key: weights.key, start })));
  const memory = Array.from({ length: READS_AHEAD }, () => new Uint8Array(READ_BYTES));
  await mapConcurrently(ranges.entries(), READS_AHEAD, async ([index, { key, start }]) => {
    const into = memory[index % READS_AHEAD] as Uint8Array;
    await store.getRange(key, start, start + READ_BYTES, into);
  });
}

const [started, cpuBefore] = [performance.now(), process.cpuUsage()];
const files = await run();
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(cpuBefore);
const cpuSeconds = (user + system) / 1e6;
const figures: MergeFigures = { seconds, cpuSeconds, peakRssMB: Math.round(peakRss() / 1e6), requests, ...files };
console.log(JSON.stringify(figures));
process.exit();
