/**
 * Intake in a process of its own, as a function's: real handler, queues and objects over HTTP. Arguments: endpoint,
 * federation as JSON, number of cases. When asked, it tells its parent what it
 * used, as soon as no message is left.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Federation } from '../../lib/federation/schemas.ts';
import { peakRss } from '../../lib/peak-rss.ts';
import { startPlatform } from '../../local/platform.ts';
import { createByteCounter } from './byte-counter.ts';
import { countRequests } from './request-counter.ts';

/** What the process used. */
export interface IntakeFigures {
  readonly looks: number;
  /** Seconds since the epoch when the last case was done. */
  readonly doneAt: number;
  readonly requests: Readonly<Record<string, number>>;
  readonly bytesRead: number;
  /** Highest so far when an eighth, a half and all of the cases had been looked at, MB. */
  readonly peakRssMB: readonly [number, number, number];
  readonly cpuSeconds: number;
}

const [endpoint, federationJson, cases] = process.argv.slice(2) as [string, string, string];
const federation = JSON.parse(federationJson) as Federation;
const STALLED_SECONDS = 10;

const requests = countRequests();
const bytes = createByteCounter();
const seen = new Set<string>();
const peaks: number[] = [];
let looks = 0;
let doneAt = Date.now() / 1000;

const platform = await startPlatform({
  federation,
  server: { endpoint },
  deploy: false,
  gpuTasks: () => ({ submit: () => Promise.reject(new Error('Only intake runs here.')) }),
  consumes: ({ handler }) => handler === 'intake',
  wrapBuckets: bytes.count,
  onRunnerEvent: (event) => {
    if (event.type === 'handled') doneAt = Date.now() / 1000;
    else console.error(event);
  },
  log: (event, fields) => {
    if (event !== 'case-examined') return console.error(event, fields);
    looks += 1;
    seen.add(`${fields.site}/${fields.case}`);
    for (const [at, share] of [1 / 8, 1 / 2].entries()) {
      if (seen.size >= share * Number(cases)) peaks[at] ??= peakRssMB();
    }
  },
});
process.on('message', async () => {
  // Asking whether the queues are empty is a request to each: not before the cases are through, or nothing moves on.
  while (seen.size < Number(cases) && Date.now() / 1000 - doneAt < STALLED_SECONDS) await sleep(100);
  await platform.idle();
  const [eighth = peakRssMB(), half = peakRssMB()] = peaks;
  const { user, system } = process.cpuUsage();
  const figures: IntakeFigures = {
    looks,
    doneAt,
    requests: requests(),
    bytesRead: bytes.read(),
    peakRssMB: [eighth, half, peakRssMB()],
    cpuSeconds: (user + system) / 1e6,
  };
  process.send?.(figures);
});
process.on('disconnect', () => process.exit());
// The parent may have gone while this was loading.
if (!process.connected) process.exit();
process.send?.('ready');

const peakRssMB = (): number => Math.round(peakRss() / 1e6);
