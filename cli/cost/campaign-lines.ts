import type { Deployed } from './federation.ts';
import { GB, HOURS_A_MONTH, type Line, line } from './lines.ts';
import type { Prices } from './prices.ts';
import type { Assumptions, StageWork } from './workload.ts';

/** Requests per site and round, all functions included: `FEDCARDIO_BENCH_SITES=8 npm run bench -- rounds`. */
const BENCH_REQUESTS = { objects: 13.5, queues: 3.88 } as const;

/** Disk of a GPU host, GB. */
const VOLUME_GB = 100;
/** Upper bound for dispatch, aggregate and orchestrate: one second each, at the largest function's memory. */
const INVOCATIONS = 4;
const FUNCTION_GB = 3;

/** Interface endpoints of a network while jobs run, and how long they stay after the last, h. */
const ENDPOINTS = { services: 6, lingerHours: 1 };

/** Cost of a campaign, from campaign.json to its outcome. Its files are kept for a month. */
export function campaignLines(
  work: readonly StageWork[],
  { sites, onPremises, networks, remote, gpuHours }: Deployed,
  { startSeconds, caseMegabytes, casesPerSite }: Assumptions,
  prices: Prices,
): readonly Line[] {
  const sum = (of: (stage: StageWork) => number) => work.reduce((total, stage) => total + of(stage), 0);
  const rounds = sum((stage) => stage.rounds);
  const hours = sum((stage) => stage.gpuSeconds + stage.rounds * startSeconds) / 3600;
  const sent = sum((stage) => stage.rounds * stage.modelBytes) / GB;
  const largest = Math.max(...work.map(({ modelBytes }) => modelBytes)) / GB;
  const reads = sum((stage) => stage.rounds * stage.cases * 2);
  const all = sites + onPremises;
  const instances = [...new Set(gpuHours.map(({ instance }) => instance))];
  return [
    ...instances.map((instance) => {
      const of = gpuHours.filter((site) => site.instance === instance);
      return line(`GPU, ${instance} on demand, ${of.length} sites`, of.length * hours, 'h', of[0]?.usd ?? 0);
    }),
    line('its volumes', (sites * hours * VOLUME_GB) / HOURS_A_MONTH, 'GB-month', prices.volumeGbMonth),
    // Sites work side by side.
    line(
      'interface endpoints, one zone',
      sites === 0 ? 0 : networks * ENDPOINTS.services * (hours + ENDPOINTS.lingerHours),
      'h',
      prices.endpointHour,
    ),
    line('requests of the rounds to S3, as writes', all * rounds * BENCH_REQUESTS.objects, 'requests', prices.write),
    line('reads of cases and labels', sites * reads, 'requests', prices.read),
    line('requests of the rounds to SQS', all * rounds * BENCH_REQUESTS.queues, 'requests', prices.queueRequest),
    line('functions', sites * rounds * INVOCATIONS * FUNCTION_GB, 'GB-s', prices.functionGbSecond),
    line('invocations', sites * rounds * INVOCATIONS, 'requests', prices.functionRequest),
    line('updates and models, kept a month', (all + 1) * sent, 'GB-month', prices.storageGbMonth),
    // The optimiser with its two moments, and class maps that compress to a hundredth of a CT.
    line(
      'checkpoints and pseudo-labels, kept a month',
      sites * (3 * largest + (casesPerSite * caseMegabytes) / 100 / 1000),
      'GB-month',
      prices.storageGbMonth,
    ),
    line('updates and models between regions', remote * 2 * sent, 'GB', prices.otherRegionGb),
    // What comes in is free.
    line('models to on-premises sites', onPremises * sent, 'GB', prices.internetGb),
  ];
}
