import { describeError, FedcardioError, isOutage } from '../../../lib/error.ts';
import { siteKeys } from '../../../lib/federation/keys.ts';
import type { Federation, Site } from '../../../lib/federation/schemas.ts';
import { names } from '../../../lib/federation/topology.ts';
import { printable, printableJson } from '../../../lib/printable.ts';
import { readTasks } from '../../../lib/storage/federation-tasks.ts';
import { createWaitOut, type OutageEvent } from '../../../lib/storage/outages.ts';
import { type Platform, startPlatform } from '../../../local/platform.ts';
import { placeOptions } from '../../campaign.ts';
import { aborted } from '../../interrupt.ts';
import { DEFAULT_PORT } from '../../local.ts';
import { describeBackend } from '../../run/backend-probe.ts';
import { openLines } from '../../run/lines.ts';
import { createOutageLines } from '../../run/outage-lines.ts';
import { commandLine } from '../../shell-words.ts';
import { lineOfGpuTask, lineOfLog, type SiteLine } from '../../up/activity.ts';
import { startInbox } from '../inbox/watch.ts';
import { openSiteDirectory, readOnPremisesSite, requireSeparate, type SiteDirectory } from './directory.ts';
import type { SiteRunFlags } from './options.ts';

/** A case whose event was lost, or that was uploaded to storage without events, is examined this long after at the latest. */
const SWEEP_SECONDS = 15;
const RESCAN_SECONDS = { withEvents: 600, withoutEvents: 15 };

/**
 * Runs an on-premises site until the signal. What it is goes to standard output, what happens to standard error and, in
 * full, to the log file. Waits out outages of the federation and of the hospital's storage.
 *
 * @throws FedcardioError if site, directory, port or credentials cannot be used, before any work
 */
export async function runSite(id: string, flags: SiteRunFlags, signal: AbortSignal): Promise<void> {
  const { federation, site } = readOnPremisesSite(flags.federation, id);
  requireOneStorage(flags);
  if (flags.inbox !== undefined) requireSeparate(flags.inbox, flags.data);
  await requireCredentials(federation, flags);
  const directory = openSiteDirectory(flags.data, federation, site);
  const backend = describeBackend();
  // Awaited below. An earlier failure must not end the process as an unhandled rejection.
  backend.catch(() => undefined);
  await awaitStorage(flags, signal);
  if (signal.aborted) return;
  const write = openLog(directory.log);
  const platform = await start(federation, site, directory, flags, write, signal);
  try {
    const summary = summaryOf(federation, site, directory, platform, flags);
    console.log(flags.json ? printableJson(summary) : greetingOf(summary));
    say(`${flags.tasks} GPU tasks at a time. ${await backend}`);
    if (!(await platform.context.siteStore(id).head(siteKeys.policy))) {
      const line = lineAt(platform.endpoint, directory.sent, flags);
      say(`Without a policy, a person is asked about every campaign. To set one: ${line('policy', id, 'ask')}`);
    }
    await Promise.all([watchInbox(flags, directory, platform, site, write, signal), aborted(signal)]);
    say(
      'Stopping: GPU tasks write their checkpoints. Ctrl-C again ends at once, and loses the steps since the last one.',
    );
  } finally {
    await platform.close();
  }
  say('Stopped. The same command goes on.');
}

const say = (line: string): void => console.error(`${new Date().toTimeString().slice(0, 8)}  ${line}`);

function requireOneStorage({ storage, port }: SiteRunFlags): void {
  if (storage === undefined || port === undefined) return;
  throw new FedcardioError('BAD_CONFIGURATION', '--port is for the server in --data, which --storage replaces.', {
    hint: `Leave --port away, and upload to ${storage}.`,
  });
}

/** Fails early without credentials. Those that cannot be fetched now may be later. */
async function requireCredentials({ region }: Federation, { endpoint }: SiteRunFlags): Promise<void> {
  const { identityOf } = await import('../../../lib/aws/identity.ts');
  try {
    await identityOf({ endpoint, region });
  } catch (error) {
    if (!isOutage(error)) throw error;
    say(printable(`The federation does not answer yet: ${describeError(error)}`));
  }
}

/** Waits until the hospital's S3 server answers, or the signal. */
async function awaitStorage({ storage }: SiteRunFlags, signal: AbortSignal): Promise<void> {
  if (storage === undefined) return;
  const { requireS3 } = await import('../../../lib/aws/endpoint.ts');
  const tell = createOutageLines(say, Date.now);
  const onEvent = (event: OutageEvent) => signal.aborted || tell(event);
  try {
    await createWaitOut({ now: () => new Date(), line: 'site', signal, onEvent })(() => requireS3(storage));
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

type WriteEvent = (event: string, fields: Readonly<Record<string, unknown>>) => void;

function openLog(file: string): WriteEvent {
  const lines = openLines(file);
  return (event, fields) => lines.append(JSON.stringify({ at: new Date().toISOString(), event, ...fields }));
}

/** The line of a command about the site, for another terminal of this machine. */
const lineAt =
  (endpoint: string, sent: string, flags: Pick<SiteRunFlags, 'federation' | 'endpoint'>): SiteLine =>
  (...words) =>
    `${commandLine([`FEDCARDIO_SITE_ENDPOINT=${endpoint}`, `FEDCARDIO_SENT_LOG=${sent}`])} ${commandLine(['npx', 'fedcardio', 'site', ...words, ...placeOptions(flags)])}`;

async function start(
  federation: Federation,
  site: Site,
  { server, sent }: SiteDirectory,
  flags: SiteRunFlags,
  write: WriteEvent,
  signal: AbortSignal,
): Promise<Platform> {
  const { endpoint, storage, port = DEFAULT_PORT, tasks } = flags;
  const show = (line: string | undefined) => line !== undefined && say(line);
  const tellOutage = createOutageLines(say, Date.now);
  // The functions begin before the address is returned.
  let platform: Platform | undefined;
  const siteLine: SiteLine = (...words) => lineAt(platform?.endpoint ?? storage ?? 'URL', sent, flags)(...words);
  platform = await startPlatform({
    federation,
    machine: { site: site.id, federation: { endpoint, region: federation.region }, sentLog: sent },
    server: storage === undefined ? { port, dataDir: server } : { endpoint: storage },
    gpuTasks: {
      maxGpuTasks: tasks,
      onEvent: (event) => {
        if (event.type !== 'progress') write(`gpu-task-${event.type}`, { ...event });
        show(lineOfGpuTask(event));
      },
    },
    sweep: {
      everySeconds: SWEEP_SECONDS,
      rescanEverySeconds: storage === undefined ? RESCAN_SECONDS.withEvents : RESCAN_SECONDS.withoutEvents,
    },
    onRunnerEvent: (event) => {
      if (event.type === 'handled') return;
      const error = describeError(event.error);
      write(event.type, { ...event, error });
      say(printable(`${event.type}: ${error}`));
    },
    // Waiting also ends with the signal.
    onOutage: (event) => signal.aborted || tellOutage(event),
    signal,
    log: (event, fields) => {
      write(event, fields);
      show(lineOfLog(event, fields, siteLine));
    },
  });
  return platform;
}

async function watchInbox(
  { inbox, quiet }: SiteRunFlags,
  { pseudonyms, imports }: SiteDirectory,
  { context }: Platform,
  { id }: Site,
  log: WriteEvent,
  signal: AbortSignal,
): Promise<void> {
  if (inbox === undefined) return;
  await startInbox({
    dir: inbox,
    imports,
    pseudonyms,
    store: context.siteStore(id),
    tasks: () => readTasks(context),
    quietSeconds: quiet,
    log,
    say: (line) => say(printable(`inbox: ${line}`)),
    signal,
  });
}

function summaryOf(
  federation: Federation,
  { id }: Site,
  { path, log, sent }: SiteDirectory,
  { endpoint }: Platform,
  flags: SiteRunFlags,
) {
  return {
    schema: 'fedcardio.site-run/1',
    federation: federation.id,
    site: id,
    /** Endpoint of the site's own storage, for uploads. */
    endpoint,
    bucket: names.siteBucket(federation.id, id),
    federationEndpoint: flags.endpoint ?? null,
    inbox: flags.inbox ?? null,
    data: path,
    log,
    sent,
  } as const;
}

function greetingOf(summary: ReturnType<typeof summaryOf>): string {
  const rows = [
    ['bucket', `s3://${summary.bucket}`],
    ['uploads', summary.endpoint],
    ['federation', summary.federationEndpoint ?? 'AWS'],
    ['inbox', summary.inbox ?? 'none (--inbox)'],
    ['data', summary.data],
    ['log', summary.log],
    ['sent', summary.sent],
  ] as const;
  return `Site "${summary.site}" of the federation "${summary.federation}" runs on this machine. Ctrl-C stops it.

${rows.map(([name, value]) => `  ${name.padEnd(10)}  ${value}`).join('\n')}
`;
}
