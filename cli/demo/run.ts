import { FedcardioError } from '../../lib/error.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import type { Campaign, Outcome } from '../../lib/federation/schemas.ts';
import { printableJson } from '../../lib/printable.ts';
import type { Platform } from '../../local/platform.ts';
import { summaryText } from '../report/summary-text.ts';
import { writeReport } from '../report/write-report.ts';
import { createDisplay } from '../run/display.ts';
import { runFacts } from '../run/run-facts.ts';
import { type Run, runLocally } from '../run/run-locally.ts';
import { type DemoDirectory, openDemoDirectory } from './data-dir.ts';
import { deliver } from './deliver.ts';
import { campaignOf } from './demo-campaign.ts';
import type { DemoOptions } from './options.ts';
import { checkBeforeRun } from './preflight.ts';
import { type Scenario, scenarioOf } from './scenario.ts';

/** A campaign on the phantoms of a scenario. */
export interface DemoRun extends Run {
  readonly options: DemoOptions;
  readonly directory: DemoDirectory;
  readonly scenario: Scenario;
  readonly campaign: Campaign;
}

/** Writes the results of an ended campaign while its buckets are available. */
type Finish = (run: DemoRun, platform: Platform, outcome: Outcome) => Promise<void>;

/**
 * Runs the whole demo: uploads the hospitals' cases, then one campaign.json. Progress goes to standard error, the result
 * to standard output.
 *
 * @throws as {@link runLocally}
 */
export const runDemo = (options: DemoOptions): Promise<void> => runScenario(options, campaignOf, finishDemo);

/** Runs one campaign of the options' scenario from the first upload to its end. Throws like {@link runDemo}. */
export async function runScenario(
  options: DemoOptions,
  campaignOf: (scenario: Scenario) => Campaign,
  finish: Finish,
): Promise<void> {
  const display = createDisplay(process.stderr);
  await checkBeforeRun({ ...options, profile: options.profile ?? 'full' });
  const directory = await openDemoDirectory(options.data, options, display.say);
  const scenario = scenarioOf(directory);
  const campaign = campaignOf(scenario);
  const { federation, sites } = scenario;
  const title = `fedcardio: ${directory.profile} profile, seed ${directory.seed}, ${options.tasks} GPU tasks at a time`;
  await runLocally(
    {
      title,
      federation,
      sites,
      directory,
      campaign,
      prepare: async (platform, { session }) => {
        if (options.endpoint && !options.resume) await refuseEarlierDemo(platform, campaign, options.endpoint);
        await deliver(platform, scenario, session, options);
        return { campaign, sites };
      },
      finish: (platform, run, outcome) => finish({ ...run, options, directory, scenario, campaign }, platform, outcome),
    },
    options,
    display,
  );
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

async function finishDemo(run: DemoRun, { context }: Platform, outcome: Outcome): Promise<void> {
  const { options, directory, scenario, campaign, memory, session, display } = run;
  const { report, files } = await writeReport(
    { ...context, federation: scenario.federation, campaign: campaign.id },
    outcome,
    ({ peakGpuTaskRss }) => ({
      profile: directory.profile,
      seed: directory.seed,
      ...runFacts(run, peakGpuTaskRss),
    }),
    options.out,
    { trainedOnPhantoms: true },
  );
  directory.save({ finished: true, peakRss: memory.peak() });
  session.close();
  if (options.json) console.log(printableJson(report));
  else if (report.status === 'completed') console.log(summaryText(report));
  display.say(`Written to ${options.out}: ${files.length} files. Open ${files.at(-1)} in a browser.`);
}
