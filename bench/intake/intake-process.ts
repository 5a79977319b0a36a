/**
 * Runs the real intake handler in its own process. Arguments: endpoint, federation as JSON, number of cases. Sends its
 * {@link IntakeFigures} when asked, as soon as no message is left.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Federation } from '../../lib/federation/schemas.ts';
import { peakRss } from '../../lib/peak-rss.ts';
import { startPlatform } from '../../local/platform.ts';
import { createByteCounter } from './byte-counter.ts';
import { countRequests } from './request-counter.ts';

/** Resources used by the process. */
export interface IntakeFigures {
  readonly examinations: number;
  /** Seconds since the epoch when the last case was done. */
  readonly doneAt: number;
  readonly requests: Readonly<Record<string, number>>;
  readonly bytesRead: number;
  /** Peak after an eighth, a half and all of the cases, MB. */
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
let examinations = 0;
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
    examinations += 1;
    seen.add(`${fields.site}/${fields.case}`);
    for (const [at, share] of [1 / 8, 1 / 2].entries()) {
      if (seen.size >= share * Number(cases)) peaks[at] ??= peakRssMB();
    }
  },
});
process.on('message', async () => {
  // idle() sends a request to each queue, so it is called only after the last case, or when no progress is made.
  while (seen.size < Number(cases) && Date.now() / 1000 - doneAt < STALLED_SECONDS) await sleep(100);
  await platform.idle();
  const [eighth = peakRssMB(), half = peakRssMB()] = peaks;
  const { user, system } = process.cpuUsage();
  const figures: IntakeFigures = {
    examinations,
    doneAt,
    requests: requests(),
    bytesRead: bytes.read(),
    peakRssMB: [eighth, half, peakRssMB()],
    cpuSeconds: (user + system) / 1e6,
  };
  process.send?.(figures);
});
process.on('disconnect', () => process.exit());
// The parent may have ended while this module was loading.
if (!process.connected) process.exit();
process.send?.('ready');

const peakRssMB = (): number => Math.round(peakRss() / 1e6);
