/** Runs campaigns in this process, one after another. Argument: { sites, rounds, campaigns, every } as JSON. Prints its samples as JSON. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FederationKey } from '../../lib/federation/keys.ts';
import { startPlatform } from '../../local/platform.ts';
import { startServer } from '../processes/local-server.ts';
import { deferred, federationOf, putSummaries, requireCompleted, upload } from '../rounds/campaign.ts';
import { simulatedSites } from '../rounds/sites.ts';
import { type Resources, resources } from './resources.ts';

export interface SoakOptions {
  readonly sites: number;
  readonly rounds: number;
  readonly campaigns: number;
  /** Whether the server is a process of its own, so that only functions and sites are measured. */
  readonly isServerApart: boolean;
  /** Rounds from one sample to the next. */
  readonly every: number;
}

/** After so many rounds of all campaigns. */
export interface Sample extends Resources {
  readonly rounds: number;
  /** What the federation keeps for good: updates, models, and the coordinator's documents. */
  readonly keptMB: number;
}

const { sites, rounds, campaigns, every, isServerApart } = JSON.parse(process.argv[2] ?? '') as SoakOptions;
const apart = isServerApart ? await startServer() : undefined;
const dataDir = apart?.dataDir ?? mkdtempSync(join(tmpdir(), 'fedcardio-bench-'));

async function soak(): Promise<readonly Sample[]> {
  const federation = federationOf(sites);
  const samples: Sample[] = [];
  let ended = deferred();
  let committed = 0;
  let due = deferred();
  const platform = await startPlatform({
    federation,
    server: apart ? { endpoint: apart.endpoint } : { dataDir },
    gpuTasks: (context) => simulatedSites(context, () => undefined),
    sweep: { everySeconds: 1 },
    log: (event) => {
      if (event === 'campaign-ended') ended.resolve();
      if (event !== 'round-committed') return;
      committed += 1;
      if (committed % every === 0) due.resolve();
    },
  });
  const { federationStore } = platform.context;

  async function sample(): Promise<void> {
    const count = committed;
    let bytes = 0;
    for await (const object of federationStore.list('' as FederationKey)) bytes += object.bytes;
    samples.push({ rounds: count, keptMB: Math.round(bytes / 1e5) / 10, ...resources(dataDir) });
  }

  await putSummaries(federationStore, federation);
  for (let campaign = 1; campaign <= campaigns; campaign++) {
    const id = `soak-${campaign}`;
    ended = deferred();
    await upload(federationStore, id, rounds);
    for (let isRunning = true; isRunning; ) {
      const isOver = ended.promise.then(() => {
        isRunning = false;
      });
      await Promise.race([due.promise, isOver]);
      due = deferred();
      if (samples.at(-1)?.rounds !== committed) await sample();
    }
    await requireCompleted(federationStore, id);
  }
  await platform.close();
  return samples;
}

try {
  console.log(JSON.stringify(await soak()));
} finally {
  if (apart) await apart.stop();
  else rmSync(dataDir, { recursive: true });
}
process.exit();
