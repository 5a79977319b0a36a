import { describeError } from '../../lib/error.ts';
import { printable, printableJson } from '../../lib/printable.ts';
import { readTasks } from '../../lib/storage/federation-tasks.ts';
import { type Platform, startPlatform } from '../../local/platform.ts';
import { placeOptions } from '../campaign.ts';
import { aborted } from '../interrupt.ts';
import { mountPage } from '../page/mounted.ts';
import { describeBackend } from '../run/backend-probe.ts';
import { openLines } from '../run/lines.ts';
import { createOutageLines } from '../run/outage-lines.ts';
import { commandLine } from '../shell-words.ts';
import { lineOfGpuTask, lineOfLog, type SiteLine } from './activity.ts';
import { openUpDirectory, type UpDirectory } from './directory.ts';
import { bucketsOf, nextSteps } from './next-steps.ts';
import type { UpFlags } from './options.ts';

/** A round is closed this long after its deadline at the latest, and a case with a new task is read again. */
const SWEEP_SECONDS = 15;
const RESCAN_SECONDS = 60;

/**
 * Runs a federation until the signal. What to type next goes to standard output, what happens to standard error and, in
 * full, to the log file.
 *
 * @throws FedcardioError if directory, disk, port or federation cannot be used, before any work
 */
export async function runUp(flags: UpFlags, signal: AbortSignal): Promise<void> {
  const directory = openUpDirectory(flags.data, flags.federation);
  const backend = describeBackend();
  // Awaited below. An earlier failure must not end the process as an unhandled rejection.
  backend.catch(() => undefined);
  const platform = await start(directory, flags, signal);
  try {
    directory.save();
    const page = await mountPage(platform, directory.federation, say);
    console.log(
      flags.json ? printableJson(summaryOf(directory, platform, page)) : await greetingOf(directory, platform, page),
    );
    say(`${flags.tasks} GPU tasks at a time. ${await backend}`);
    await aborted(signal);
    say(
      'Stopping: GPU tasks write their checkpoints. Ctrl-C again ends at once, and loses the steps since the last one.',
    );
  } finally {
    await platform.close();
  }
  say(`Stopped. To go on: ${resumeCommand(flags, directory)}`);
}

const say = (line: string): void => console.error(`${new Date().toTimeString().slice(0, 8)}  ${line}`);

async function start(
  { federation, server, log: logFile }: UpDirectory,
  { port, tasks }: UpFlags,
  signal: AbortSignal,
): Promise<Platform> {
  const lines = openLines(logFile);
  const write = (event: string, fields: Readonly<Record<string, unknown>>) =>
    lines.append(JSON.stringify({ at: new Date().toISOString(), event, ...fields }));
  const show = (line: string | undefined) => line !== undefined && say(line);
  // The functions begin before the address is returned.
  let platform: Platform | undefined;
  const siteLine: SiteLine = (...words) =>
    commandLine(['npx', 'fedcardio', 'site', ...words, ...placeOptions({ federation: federation.id, ...platform })]);
  platform = await startPlatform({
    federation,
    server: { port, dataDir: server },
    gpuTasks: {
      maxGpuTasks: tasks,
      onEvent: (event) => {
        if (event.type !== 'progress') write(`gpu-task-${event.type}`, { ...event });
        show(lineOfGpuTask(event));
      },
    },
    sweep: { everySeconds: SWEEP_SECONDS, rescanEverySeconds: RESCAN_SECONDS },
    onRunnerEvent: (event) => {
      if (event.type === 'handled') return;
      const error = describeError(event.error);
      write(event.type, { ...event, error });
      say(printable(`${event.type}: ${error}`));
    },
    onOutage: createOutageLines(say, Date.now),
    signal,
    log: (event, fields) => {
      write(event, fields);
      show(lineOfLog(event, fields, siteLine));
    },
  });
  return platform;
}

const summaryOf = ({ federation, path, log }: UpDirectory, { endpoint }: Platform, page: string | undefined) => ({
  schema: 'fedcardio.up/1',
  federation: federation.id,
  endpoint,
  buckets: bucketsOf(federation),
  page,
  data: path,
  log,
});

async function greetingOf(
  { federation, path, log, declaredBy }: UpDirectory,
  platform: Platform,
  page: string | undefined,
): Promise<string> {
  const { endpoint, context } = platform;
  const tasks = await readTasks(context);
  const buckets = bucketsOf(federation);
  const rows = [
    ['endpoint', endpoint],
    ['federation', `s3://${buckets.federation}`],
    ...Object.entries(buckets.sites).map(([site, bucket]) => [site, `s3://${bucket}`]),
    ['data', path],
    ['log', log],
    ...(page === undefined ? [] : [['page', page] as const]),
  ] as const;
  const width = Math.max(...rows.map(([name = '']) => name.length));
  const from = declaredBy ?? 'the default: write a federation.json for your own sites and tasks';
  return `The federation "${federation.id}" (${from}) runs on this machine. Ctrl-C stops it.

${rows.map(([name = '', value]) => `  ${name.padEnd(width)}  ${value}`).join('\n')}

${nextSteps({ federation, endpoint, tasks, file: declaredBy })}
`;
}

function resumeCommand({ data, port, tasks, federation }: UpFlags, { declaredBy }: UpDirectory): string {
  const named = federation === undefined || declaredBy === undefined ? [] : ['--federation', federation];
  const options = ['--data', data, '--port', String(port), '--tasks', String(tasks)];
  return commandLine(['npx', 'fedcardio', 'up', ...named, ...options]);
}
