/** Runs one campaign with simulated sites. Argument: { sites, rounds } as JSON. Prints its figures as JSON. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { peakRss } from '../../lib/peak-rss.ts';
import { startPlatform } from '../../local/platform.ts';
import { significant } from '../figures/numbers.ts';
import { deferred, federationOf, putSummaries, requireCompleted, upload } from './campaign.ts';
import { countRequests } from './request-totals.ts';
import { simulatedSites } from './sites.ts';
import { createStopwatch } from './stopwatch.ts';

export interface CampaignFigures {
  readonly sites: number;
  readonly rounds: number;
  readonly requestsPerSiteAndRound: { readonly objects: number; readonly queues: number; readonly all: number };
  readonly secondsPerRound: number;
  readonly millisecondsPerRoundAndSite: number;
  /** Time from a round's last upload to the first GPU task message of the next round. */
  readonly nextTaskMs: { readonly p50: number; readonly p90: number };
  readonly peakRssMB: number;
}

const { sites, rounds } = JSON.parse(process.argv[2] ?? '') as { readonly sites: number; readonly rounds: number };
const dataDir = mkdtempSync(join(tmpdir(), 'fedcardio-bench-'));
async function measure(): Promise<CampaignFigures> {
  const federation = federationOf(sites);
  const stopwatch = createStopwatch();
  const ended = deferred();
  const platform = await startPlatform({
    federation,
    server: { dataDir },
    gpuTasks: (context) => simulatedSites(context, stopwatch.uploaded),
    // Site buckets get no uploads, so intake would only wait.
    consumes: ({ handler }) => handler !== 'intake',
    extend: ({ queues }) => ({ queues: { ...queues, send: stopwatch.watchSend(queues.send) } }),
    log: (event) => event === 'campaign-ended' && ended.resolve(),
  });
  const { federationStore } = platform.context;
  await putSummaries(federationStore, federation);
  const requests = await countRequests(platform.endpoint);
  const started = performance.now();
  await upload(federationStore, 'bench', rounds);
  await ended.promise;
  const seconds = (performance.now() - started) / 1000;
  const { s3, sqs } = await requests();
  await requireCompleted(federationStore, 'bench');
  await platform.close();
  const each = (count: number) => significant(count / sites / rounds);
  return {
    sites,
    rounds,
    requestsPerSiteAndRound: { objects: each(s3), queues: each(sqs), all: each(s3 + sqs) },
    secondsPerRound: significant(seconds / rounds),
    millisecondsPerRoundAndSite: significant((1000 * seconds) / rounds / sites),
    nextTaskMs: stopwatch.quantiles(),
    peakRssMB: Math.round(peakRss() / 1e6),
  };
}

try {
  console.log(JSON.stringify(await measure()));
} finally {
  rmSync(dataDir, { recursive: true });
}
process.exit();
