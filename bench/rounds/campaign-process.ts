/** Runs one campaign with simulated sites. Argument: { sites, rounds } as JSON. Prints its figures as JSON. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mapConcurrently } from '../../lib/async.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import type { CampaignInput, Federation, Outcome, Summary } from '../../lib/federation/schemas.ts';
import { canonicalJson } from '../../lib/json.ts';
import { peakRss } from '../../lib/peak-rss.ts';
import { startPlatform } from '../../local/platform.ts';
import { significant } from '../figures/numbers.ts';
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
  const federation: Federation = {
    schema: 'fedcardio.federation/1',
    id: 'bench',
    sites: Array.from({ length: sites }, (_, index) => ({ id: `site-${index}`, name: `Site ${index}` })),
  };
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
  await mapConcurrently(federation.sites, 32, ({ id }) =>
    federationStore.put(federationKeys.summary(id), canonicalJson(summaryOf(id))),
  );
  const requests = await countRequests(platform.endpoint);
  const started = performance.now();
  await federationStore.put(federationKeys.campaign('bench'), JSON.stringify(campaign()));
  await ended.promise;
  const seconds = (performance.now() - started) / 1000;
  const { s3, sqs } = await requests();
  const outcome = JSON.parse(
    Buffer.from((await federationStore.get(federationKeys.outcome('bench'))).body).toString(),
  ) as Outcome;
  if (outcome.status !== 'completed') throw new Error(`The campaign ended as ${outcome.status}: ${outcome.reason}`);
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

const summaryOf = (site: string): Summary => ({
  schema: 'fedcardio.summary/1',
  site,
  at: new Date().toISOString(),
  cases: { training: 10, evaluation: 0, rejected: 0 },
  labelled: { 'hinge-points': 10 },
  labelledEvaluation: {},
});

const campaign = (): CampaignInput => ({
  schema: 'fedcardio.campaign/1',
  id: 'bench',
  stages: [
    {
      kind: 'teacher',
      name: 'teacher/hinge-points',
      task: 'hinge-points',
      rounds,
      model: { kind: 'unet', features: [4, 8] },
      training: { steps: 1, learningRate: 1e-3 },
    },
  ],
});

/** `Promise.withResolvers` requires Node 22. */
function deferred() {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

try {
  console.log(JSON.stringify(await measure()));
} finally {
  rmSync(dataDir, { recursive: true });
}
process.exit();
