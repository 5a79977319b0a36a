import { type Deployed, instancePrice } from './federation.ts';
import { HOURS_A_MONTH, type Line, line, MINUTES_A_MONTH } from './lines.ts';
import type { Prices } from './prices.ts';
import type { Assumptions } from './workload.ts';

/** Resources of the stacks that are billed by the month. */
const OF_SITE = { keys: 3, alarms: 6, queues: 2 };
/** On-premises sites: keys of the queue and of the log. Their machine polls with one connection. */
const OF_MACHINE = { keys: 2, alarms: 1, pollers: 1 };
const OF_FEDERATION = { keys: 4, alarms: 9, queues: 2 };
const OF_PLACE = { keys: 1, endpoints: 7 };
/** Connections with which Lambda polls a queue, and the wait time of each, s. */
const POLLERS = 5;
const POLL_SECONDS = 20;
/** Cost of a sweep that has nothing to do. */
const SWEEP = { gb: 3.5, seconds: 0.5, logBytes: 500, requests: 1 };
/** Cost of a rescan that has nothing to do: it lists the cases, their documents and the rejections, and reads its index. */
const RESCAN = { aMonth: HOURS_A_MONTH, gb: 2.94, seconds: 1, logBytes: 500, filesPerCase: 5, listed: 1000 };
const IMAGE_GB = 4;

/** Cost of an idle month: no uploads, no campaigns. */
export function idleLines(
  { sites, onPremises, places, remote }: Deployed,
  { casesPerSite, caseMegabytes }: Assumptions,
  prices: Prices,
): readonly Line[] {
  const keys = sites * OF_SITE.keys + onPremises * OF_MACHINE.keys + OF_FEDERATION.keys + places * OF_PLACE.keys;
  const queues = sites * OF_SITE.queues + OF_FEDERATION.queues;
  const alarms = sites * OF_SITE.alarms + onPremises * OF_MACHINE.alarms + OF_FEDERATION.alarms;
  const endpoints = places * OF_PLACE.endpoints + (remote > 0 ? places - 1 : 0);
  const polls = ((queues * POLLERS + onPremises * OF_MACHINE.pollers) * MINUTES_A_MONTH * 60) / POLL_SECONDS;
  const rescans = sites * RESCAN.aMonth;
  // A listing of each of the five prefixes, and one more for each thousand objects.
  const listings = 5 + Math.floor((casesPerSite * RESCAN.filesPerCase) / RESCAN.listed);
  return [
    line('keys', keys, 'keys', prices.keyMonth),
    line('interface endpoints, one zone', endpoints * HOURS_A_MONTH, 'h', prices.endpointHour),
    line('polls of empty queues', polls, 'requests', prices.queueRequest),
    line('alarms', alarms, 'alarms', prices.alarmMonth),
    line('dashboard', 1, 'dashboards', prices.dashboardMonth),
    line('sweeps: schedule', MINUTES_A_MONTH, 'invocations', prices.scheduledInvocation),
    line('sweeps: function', MINUTES_A_MONTH * SWEEP.gb * SWEEP.seconds, 'GB-s', prices.functionGbSecond),
    line('sweeps: requests to S3', MINUTES_A_MONTH * SWEEP.requests, 'requests', prices.write),
    line('sweeps: traces', MINUTES_A_MONTH, 'traces', prices.trace),
    line('sweeps: log', (MINUTES_A_MONTH * SWEEP.logBytes) / 1e9, 'GB', prices.logGb),
    line('rescans: schedule', rescans, 'invocations', prices.scheduledInvocation),
    line('rescans: function', rescans * RESCAN.gb * RESCAN.seconds, 'GB-s', prices.functionGbSecond),
    line('rescans: listings', rescans * listings, 'requests', prices.write),
    line('rescans: reads', rescans, 'requests', prices.read),
    line('rescans: traces', rescans, 'traces', prices.trace),
    line('rescans: log', (rescans * RESCAN.logBytes) / 1e9, 'GB', prices.logGb),
    line('image of the GPU tasks', IMAGE_GB, 'GB-month', prices.imageGbMonth),
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
