/** Merges one round in this process, masked or plain. The argument is a {@link RoundJob} as JSON. Prints its figures as JSON. */

import { createObjectStorage } from '../../lib/aws/objects.ts';
import type { Open, Opened, Seal } from '../../lib/federation/schemas.ts';
import { peakRss } from '../../lib/peak-rss.ts';
import { mergeEntries } from '../../lib/protocol/merge-entries.ts';
import { mergeMasked, sumEntries } from '../../lib/protocol/secure/merge-masked.ts';
import type { FederationStore } from '../../lib/storage/contract.ts';

export interface RoundJob {
  readonly endpoint: string;
  readonly bucket: string;
  readonly open: Open;
  readonly updates: Seal['updates'];
  /** Of a masked round. */
  readonly opened?: Pick<Opened, 'self' | 'keys'>;
}

export interface RoundFigures {
  readonly seconds: number;
  readonly peakRssMB: number;
  /** Read and written. */
  readonly megabytes: number;
}

const job: RoundJob = JSON.parse(process.argv[2] as string);
let bytes = 0;
const client: FederationStore = createObjectStorage({ endpoint: job.endpoint })(job.bucket);
const store: FederationStore = {
  ...client,
  getRange: async (...args) => {
    const found = await client.getRange(...args);
    bytes += found.length;
    return found;
  },
  putParts: (key, parts) => {
    async function* counted() {
      for await (const part of parts) {
        bytes += part.length;
        yield part;
      }
    }
    return client.putParts(key, counted());
  },
};

async function run(): Promise<void> {
  const { open, updates, opened } = job;
  if (!opened) {
    const merged = await mergeEntries(store, open, { updates });
    if (merged.kind !== 'merged') throw new Error(JSON.stringify(merged));
    return;
  }
  const summed = await sumEntries(store, open, { updates });
  if (summed.kind !== 'summed') throw new Error(JSON.stringify(summed));
  const merged = await mergeMasked(store, open, { updates, sum: summed.sum }, opened);
  if (merged.kind !== 'merged') throw new Error(JSON.stringify(merged));
}

const started = performance.now();
await run();
const seconds = (performance.now() - started) / 1000;
const figures: RoundFigures = { seconds, peakRssMB: Math.round(peakRss() / 1e6), megabytes: Math.round(bytes / 1e6) };
console.log(JSON.stringify(figures));
process.exit();
