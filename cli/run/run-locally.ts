import { setTimeout as delay } from 'node:timers/promises';
import { FedcardioError } from '../../lib/error.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import { type Campaign, type Federation, type Outcome, outcomeSchema } from '../../lib/federation/schemas.ts';
import { printable } from '../../lib/printable.ts';
import { tryReadJson } from '../../lib/storage/documents.ts';
import { readTasks } from '../../lib/storage/federation-tasks.ts';
import type { Platform } from '../../local/platform.ts';
import { aborted } from '../interrupt.ts';
import { commandLine } from '../shell-words.ts';
import { nextSteps } from '../up/next-steps.ts';
import { describeBackend } from './backend-probe.ts';
import type { Display } from './display.ts';
import type { LocalOptions } from './options.ts';
import { startRunPlatform } from './platform.ts';
import type { RunDirectory } from './run-directory.ts';
import type { RunSite } from './run-site.ts';
import { type Session, startSession } from './session.ts';
import { type MemoryWatch, watchMemory } from './watch-memory.ts';
import { workloadOf } from './workload.ts';

const OUTCOME_POLL_MS = 250;

/** A campaign with its cases, to be run on this machine. */
export interface LocalJob {
  /** The first line that is shown. */
  readonly title: string;
  readonly federation: Federation;
  readonly sites: readonly RunSite[];
  readonly directory: RunDirectory;
  /** The campaign, if it is known before its cases are delivered. */
  readonly campaign?: Campaign | undefined;
  /** Uploads the cases, waits for their intake, and returns the campaign. A resumed job repeats only what is missing. */
  prepare(platform: Platform, run: Run): Promise<{ readonly campaign: Campaign; readonly sites: readonly RunSite[] }>;
  /** Writes the results of the ended campaign while its buckets are available. */
  finish(platform: Platform, run: Run, outcome: Outcome): Promise<void>;
}

/** What a job can show and measure while it runs. */
export interface Run {
  readonly display: Display;
  readonly memory: MemoryWatch;
  readonly session: Session;
}

/**
 * Runs one campaign from the first upload to its end. After the upload of campaign.json, only events drive it. Progress
 * is shown on the display.
 *
 * @throws CAMPAIGN_FAILED if the campaign failed, after `finish`; AbortError on the options' signal
 */
export async function runLocally(job: LocalJob, options: LocalOptions, display: Display): Promise<void> {
  const { directory, sites, campaign } = job;
  const memory = watchMemory(directory.peakRss);
  const workload = campaign && workloadOf(campaign, sites);
  const session = startSession({ directory, sites, workload, display, now: Date.now });
  try {
    await runOnPlatform(job, options, { display, memory, session });
  } catch (error) {
    if (!options.signal.aborted) throw error;
    try {
      directory.save({ finished: false, peakRss: memory.peak() });
    } catch {
      // On a full disk the state of the start stands, from which the run is resumed just as well.
    }
    display.say(`Interrupted. To continue: ${options.resumeWith}`);
    throw options.signal.reason;
  } finally {
    session.close();
    memory.stop();
  }
}

async function runOnPlatform(job: LocalJob, options: LocalOptions, run: Run): Promise<void> {
  const { display, session } = run;
  display.say(job.title);
  const backend = describeBackend();
  // Awaited below. An earlier failure must not end the process as an unhandled rejection.
  backend.catch(() => undefined);
  let isKept = false;
  const platform = await startRunPlatform(job.federation, job.directory, options, {
    onOutage: session.onOutage,
    emit: (event) => !isKept && session.emit(event),
    onActivity: (line) => isKept && display.say(line),
  });
  try {
    if (platform.deployment) display.say(platform.deployment);
    display.say(`S3 and SQS at ${platform.endpoint}`);
    display.say(await backend);
    const { campaign, sites } = await untilAborted(job.prepare(platform, run), options.signal);
    if (!job.campaign) session.plan(workloadOf(campaign, sites));
    await startCampaign(platform, campaign);
    const outcome = await waitForOutcome(platform, campaign, options.signal);
    if (!options.keep) await platform.stopWork();
    await job.finish(platform, run, outcome);
    if (options.keep) {
      isKept = true;
      await keepRunning(job, platform, options, display);
    }
    if (outcome.status === 'failed') {
      throw new FedcardioError(
        'CAMPAIGN_FAILED',
        `The campaign failed: ${printable(outcome.reason ?? 'No reason was recorded.')}`,
      );
    }
  } finally {
    await platform.close();
  }
}

/** The state of `fedcardio up`: functions and GPU tasks go on until the signal. */
async function keepRunning(
  { federation }: LocalJob,
  { endpoint, context }: Platform,
  { signal, resumeWith }: LocalOptions,
  { say }: Display,
): Promise<void> {
  const tasks = await readTasks(context);
  say(
    `Everything keeps running until Ctrl-C.\n\n${nextSteps({ federation, endpoint, tasks })}\n\nLook at it in a browser:\n\n  ${commandLine(['npx', 'fedcardio', 'page', '--endpoint', endpoint, '--federation', federation.id])}\n\nCtrl-C stops everything.\n`,
  );
  await aborted(signal);
  say(`Stopped. To go on: ${resumeWith} --keep`);
}

/** Uploads campaign.json, which starts everything. A resumed run already has it. */
async function startCampaign({ context }: Platform, campaign: Campaign): Promise<void> {
  await context.federationStore.putIfAbsent(federationKeys.campaign(campaign.id), JSON.stringify(campaign, null, 2));
}

async function waitForOutcome(
  { context: { federationStore } }: Platform,
  { id }: Campaign,
  signal: AbortSignal,
): Promise<Outcome> {
  for (;;) {
    const outcome = await tryReadJson(federationStore, federationKeys.outcome(id), outcomeSchema);
    if (outcome) return outcome.value;
    await delay(OUTCOME_POLL_MS, undefined, { signal });
  }
}

/** Awaits work, but throws the signal's reason as soon as it is aborted. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return Promise.race([
    work,
    aborted(signal).then(() => {
      throw signal.reason;
    }),
  ]);
}
