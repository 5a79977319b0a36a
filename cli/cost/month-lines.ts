import { type Deployed, instancePrice, type Resources } from './federation.ts';
import { GB, HOURS_A_MONTH, type Line, line, MINUTES_A_MONTH } from './lines.ts';
import type { Prices } from './prices.ts';
import type { Assumptions } from './workload.ts';

/** What each has that is billed by the month. An alarm of a formula is billed for each metric in it. */
const OF_SITE = { alarms: 3, queues: 2 };
/** On-premises sites. Their machine polls with one connection. */
const OF_MACHINE = { alarms: 1, pollers: 1 };
const OF_COORDINATOR = { alarms: 11, queues: 2 };
/** Connections with which Lambda polls a queue, and the wait time of each, s. */
const POLLERS = 5;
const POLL_SECONDS = 20;

/** What a function costs that a schedule invokes and that has nothing to do. */
interface Idle {
  readonly aMonth: number;
  /** Memory, and time of an invocation. */
  readonly gb: number;
  readonly seconds: number;
}
const LOG_BYTES = 500;
/** It lists the campaigns. */
const SWEEP: Idle = { aMonth: MINUTES_A_MONTH, gb: 2.94, seconds: 0.5 };
/** It lists the cases, their documents and the rejections, and reads its index. */
const RESCAN = { aMonth: HOURS_A_MONTH, gb: 2.94, seconds: 1, filesPerCase: 5, listed: 1000 };
/** It lists the jobs of every queue. Batch and CloudFormation are free. */
const ENDPOINTS: Idle = { aMonth: MINUTES_A_MONTH / 5, gb: 0.25, seconds: 1 };
const IMAGE_GB = 4;

/** Lines of a scheduled function of which there are `many`. */
function scheduled(what: string, many: number, { aMonth, gb, seconds }: Idle, prices: Prices): readonly Line[] {
  const calls = many * aMonth;
  return [
    line(`${what}: schedule`, calls, 'invocations', prices.scheduledInvocation),
    line(`${what}: function`, calls * gb * seconds, 'GB-s', prices.functionGbSecond),
    line(`${what}: traces`, calls, 'traces', prices.trace),
    line(`${what}: log`, (calls * LOG_BYTES) / GB, 'GB', prices.logGb),
  ];
}

/** Cost of an idle month: no uploads, no campaigns. */
export function idleLines(
  { coordinators, sites, onPremises, networks, remoteNetworks, keys, dashboards }: Resources,
  { casesPerSite, caseMegabytes }: Assumptions,
  prices: Prices,
): readonly Line[] {
  const queues = sites * OF_SITE.queues + coordinators * OF_COORDINATOR.queues;
  const alarms = sites * OF_SITE.alarms + onPremises * OF_MACHINE.alarms + coordinators * OF_COORDINATOR.alarms;
  const polls = ((queues * POLLERS + onPremises * OF_MACHINE.pollers) * MINUTES_A_MONTH * 60) / POLL_SECONDS;
  const rescans = sites * RESCAN.aMonth;
  // A listing of each of the five prefixes, and one more for each thousand objects.
  const listings = 5 + Math.floor((casesPerSite * RESCAN.filesPerCase) / RESCAN.listed);
  return [
    line('keys', keys, 'keys', prices.keyMonth),
    line('interface endpoints to S3 of another region', remoteNetworks * HOURS_A_MONTH, 'h', prices.endpointHour),
    line('polls of empty queues', polls, 'requests', prices.queueRequest),
    line('metrics of alarms', alarms, 'metrics', prices.alarmMonth),
    line('dashboard', dashboards, 'dashboards', prices.dashboardMonth),
    ...scheduled('sweeps', coordinators, SWEEP, prices),
    line('sweeps: requests to S3', coordinators * SWEEP.aMonth, 'requests', prices.write),
    ...scheduled('rescans', sites, RESCAN, prices),
    line('rescans: listings', rescans * listings, 'requests', prices.write),
    line('rescans: reads', rescans, 'requests', prices.read),
    ...scheduled('endpoints', networks, ENDPOINTS, prices),
    line('image of the GPU tasks', coordinators * IMAGE_GB, 'GB-month', prices.imageGbMonth),
    line('cases', (sites * casesPerSite * caseMegabytes) / 1000, 'GB-month', prices.storageGbMonth),
  ];
}

/** The instance type that NVIDIA FLARE's script for AWS starts its server on. */
const SERVER = 't2.xlarge';
const SERVER_VOLUME_GB = 100;

/** Cost of a month of an always-on server like NVIDIA FLARE's: instance, disk, public address. */
export const serverLines = (prices: Prices): readonly Line[] => [
  line(`server, ${SERVER}`, HOURS_A_MONTH, 'h', instancePrice(SERVER, prices)),
  line('its volume', SERVER_VOLUME_GB, 'GB-month', prices.volumeGbMonth),
  line('its public address', HOURS_A_MONTH, 'h', prices.publicAddressHour),
];

/** Cost of a month of clients that wait for that server on GPU hosts in the cloud, which are always on. */
export const clientLines = ({ gpuHours }: Deployed, prices: Prices): readonly Line[] => [
  line(
    `GPU hosts of ${gpuHours.length} clients`,
    gpuHours.length * HOURS_A_MONTH,
    'h',
    gpuHours.reduce((sum, { usd }) => sum + usd, 0) / gpuHours.length,
  ),
  line('their volumes', gpuHours.length * SERVER_VOLUME_GB, 'GB-month', prices.volumeGbMonth),
  line('their public addresses', gpuHours.length * HOURS_A_MONTH, 'h', prices.publicAddressHour),
];
