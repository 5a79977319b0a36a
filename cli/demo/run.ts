import { setTimeout as delay } from 'node:timers/promises';
import { FedcardioError } from '../../lib/error.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import { type Campaign, type Outcome, outcomeSchema } from '../../lib/federation/schemas.ts';
import { printable, printableJson } from '../../lib/printable.ts';
import { tryReadJson } from '../../lib/storage/documents.ts';
import { readTasks } from '../../lib/storage/federation-tasks.ts';
import type { Platform } from '../../local/platform.ts';
import { aborted } from '../interrupt.ts';
import { nextSteps } from '../up/next-steps.ts';
import { describeBackend } from './backend-probe.ts';
import { type DemoDirectory, openDemoDirectory } from './data-dir.ts';
import { deliver } from './deliver.ts';
import { campaignOf } from './demo-campaign.ts';
import { startDemoPlatform } from './demo-platform.ts';
import { createDisplay, type Display } from './display.ts';
import type { DemoOptions } from './options.ts';
import { type Scenario, scenarioOf } from './scenario.ts';
import { type Session, startSession } from './session.ts';
import { summaryText } from './summary-text.ts';
import { timelineOf } from './timeline.ts';
import { type MemoryWatch, watchMemory } from './watch-memory.ts';
import { workloadOf } from './workload.ts';
import { writeReport } from './write-report.ts';

const OUTCOME_POLL_MS = 250;

/** State of one run of a campaign on this machine. */
export interface Run {
  readonly options: DemoOptions;
  readonly display: Display;
  readonly directory: DemoDirectory;
  readonly scenario: Scenario;
  readonly campaign: Campaign;
  readonly memory: MemoryWatch;
  readonly session: Session;
}

/** Writes the results of an ended campaign while its buckets are available. */
type Finish = (run: Run, platform: Platform, outcome: Outcome) => Promise<void>;

/**
 * Runs the whole demo: uploads the hospitals' cases, then one campaign.json. From then on only events drive the campaign.
 * Progress goes to standard error, the result to standard output.
 *
 * @throws CAMPAIGN_FAILED if the campaign failed, after writing the report; AbortError on the options' signal
 */
export const runDemo = (options: DemoOptions): Promise<void> => runLocally(options, campaignOf, finishDemo);

/** Runs one campaign of the options' scenario from the first upload to its end. Throws like {@link runDemo}. */
export async function runLocally(
  options: DemoOptions,
  campaignOf: (scenario: Scenario) => Campaign,
  finish: Finish,
): Promise<void> {
  const display = createDisplay(process.stderr);
  const directory = await openDemoDirectory(options.data, options, display.say);
  const scenario = scenarioOf(directory);
  const campaign = campaignOf(scenario);
  const workload = workloadOf(campaign, scenario);
  const memory = watchMemory(directory.peakRss);
  const session = startSession({ directory, scenario, workload, display, now: Date.now });
  try {
    await runOnPlatform({ options, display, directory, scenario, campaign, memory, session }, finish);
  } catch (error) {
    if (!options.signal.aborted) throw error;
    try {
      directory.save({ finished: false, peakRss: memory.peak() });
    } catch {
      // On a full disk the state of the start stands, from which the demo is resumed just as well.
    }
    display.say(`Interrupted. To continue: ${options.resumeWith}`);
    throw options.signal.reason;
  } finally {
    session.close();
    memory.stop();
  }
}

async function runOnPlatform(run: Run, finish: Finish): Promise<void> {
  const { options, display, directory, scenario, campaign, session } = run;
  const { profile, seed } = directory;
  display.say(`fedcardio: ${profile} profile, seed ${seed}, ${options.tasks} GPU tasks at a time`);
  const backend = describeBackend();
  // Awaited below. An earlier failure must not end the process as an unhandled rejection.
  backend.catch(() => undefined);
  let isKept = false;
  const platform = await startDemoPlatform(scenario, directory, options, {
    ...session,
    emit: (event) => !isKept && session.emit(event),
    onActivity: (line) => isKept && display.say(line),
  });
  try {
    if (platform.deployment) display.say(platform.deployment);
    display.say(`S3 and SQS at ${platform.endpoint}`);
    display.say(await backend);
    if (options.endpoint && !options.resume) await refuseEarlierDemo(platform, campaign, options.endpoint);
    await untilAborted(deliver(platform, scenario, session, options), options.signal);
    await startCampaign(platform, campaign);
    const outcome = await waitForOutcome(platform, campaign, options.signal);
    if (!options.keep) await platform.stopWork();
    await finish(run, platform, outcome);
    if (options.keep) {
      isKept = true;
      await keepRunning(run, platform);
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
async function keepRunning({ options, display, scenario }: Run, { endpoint, context }: Platform): Promise<void> {
  const { federation } = scenario;
  const tasks = await readTasks(context);
  display.say(`Everything keeps running until Ctrl-C.\n\n${nextSteps({ federation, endpoint, tasks })}\n`);
  await aborted(options.signal);
  display.say(`Stopped. To go on: ${options.resumeWith} --keep`);
}

/** Refuses an endpoint with an earlier demo, whose objects would be mistaken for those of this one. */
async function refuseEarlierDemo(
  { context: { federationStore } }: Platform,
  { id }: Campaign,
  endpoint: string,
): Promise<void> {
  if (!(await federationStore.head(federationKeys.campaign(id)))) return;
  throw new FedcardioError(
    'BAD_CONFIGURATION',
    `${endpoint} holds an earlier demo: s3://${federationStore.bucket}/campaigns/${id}/.`,
    {
      hint: 'Restart LocalStack, choose another --seed, or continue with --resume.',
    },
  );
}

/** Uploads campaign.json, which starts everything. A resumed demo already has it. */
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

async function finishDemo(run: Run, { context }: Platform, outcome: Outcome): Promise<void> {
  const { options, directory, scenario, campaign, memory, session, display } = run;
  const { report, files } = await writeReport(
    { ...context, federation: scenario.federation, campaign: campaign.id },
    outcome,
    ({ peakGpuTaskRss }) => ({
      profile: directory.profile,
      seed: directory.seed,
      createdAt: new Date().toISOString(),
      wallSeconds: Math.round(session.elapsed() * 10) / 10,
      peakRssMB: Math.round((memory.peak() || peakGpuTaskRss) / 1e5) / 10,
      peakRssOf: memory.peak() > 0 ? 'process tree' : 'largest task',
      timeline: timelineOf(session.events()),
    }),
    options.out,
  );
  directory.save({ finished: true, peakRss: memory.peak() });
  session.close();
  if (options.json) console.log(printableJson(report));
  else if (report.status === 'completed') console.log(summaryText(report));
  display.say(`Written to ${options.out}: ${files.length} files. Open ${files.at(-1)} in a browser.`);
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
