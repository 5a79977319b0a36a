import { setTimeout as delay } from 'node:timers/promises';
import { FedcardioError } from '../../lib/error.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import { type Campaign, type Outcome, outcomeSchema } from '../../lib/federation/schemas.ts';
import { tryReadJson } from '../../lib/storage/documents.ts';
import type { Platform } from '../../local/platform.ts';
import { aborted } from '../interrupt.ts';
import { greeting } from '../local.ts';
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

/** What one run of a campaign on this machine carries through its steps. */
export interface Run {
  readonly options: DemoOptions;
  readonly display: Display;
  readonly directory: DemoDirectory;
  readonly scenario: Scenario;
  readonly campaign: Campaign;
  readonly memory: MemoryWatch;
  readonly session: Session;
}

/** Makes of an ended campaign what it was run for, while its buckets are there. */
type Finish = (run: Run, platform: Platform, outcome: Outcome) => Promise<void>;

/**
 * The whole demo: uploads what the hospitals have, then one campaign.json; from there on only events act. Progress
 * goes to standard error, the result to standard output.
 *
 * @throws CAMPAIGN_FAILED when the campaign did, after the report is written; AbortError on the options' signal
 */
export const runDemo = (options: DemoOptions): Promise<void> => runLocally(options, campaignOf, finishDemo);

/** Runs one campaign of the options' scenario from the first upload to its end. Throws as {@link runDemo} does. */
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
    directory.save({ finished: false, peakRss: memory.peak() });
    display.say(`Interrupted. Go on with: ${options.resumeWith}`);
    throw options.signal.reason;
  } finally {
    session.close();
    memory.stop();
  }
}

async function runOnPlatform(run: Run, finish: Finish): Promise<void> {
  const { options, display, directory, scenario, campaign, session } = run;
  const { profile, seed } = directory;
  display.say(`fedcardio: ${profile} profile, seed ${seed}, ${options.tasks} tasks at a time`);
  const backend = describeBackend();
  // Awaited below; until then a failure of it must not end the process as unhandled.
  backend.catch(() => undefined);
  const platform = await startDemoPlatform(scenario, directory, options, session.emit);
  try {
    if (platform.deployment) display.say(platform.deployment);
    display.say(`S3 and SQS at ${platform.endpoint}`);
    display.say(await backend);
    if (options.endpoint && !options.resume) await refuseEarlierDemo(platform, campaign, options.endpoint);
    await untilAborted(deliver(platform, scenario, session.emit, options), options.signal);
    await startCampaign(platform, campaign);
    const outcome = await waitForOutcome(platform, campaign, options.signal);
    await platform.stopWork();
    await finish(run, platform, outcome);
    if (options.keep) {
      display.say(greeting(platform.endpoint));
      await aborted(options.signal);
    }
    if (outcome.status === 'failed') {
      throw new FedcardioError('CAMPAIGN_FAILED', `The campaign failed: ${outcome.reason ?? 'no reason was recorded'}`);
    }
  } finally {
    await platform.close();
  }
}

/** What another demo left would be taken for this one's: an endpoint is not emptied as the demo's own folder is. */
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
      hint: 'Start LocalStack anew, choose another --seed, or go on with --resume.',
    },
  );
}

/** The one write that sets everything in motion. On a resume it is there already. */
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
  if (options.json) console.log(JSON.stringify(report, null, 2));
  else if (report.status === 'completed') console.log(summaryText(report));
  display.say(`Written to ${options.out}: ${files.length} files. Open ${files.at(-1)} in a browser.`);
}

/** What is awaited, or the signal's reason as soon as it is aborted. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return Promise.race([
    work,
    aborted(signal).then(() => {
      throw signal.reason;
    }),
  ]);
}
