import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FedcardioError } from '../../lib/error.ts';
import type { Campaign } from '../../lib/federation/schemas.ts';
import { printable } from '../../lib/printable.ts';
import { algorithmsPage } from '../../lib/report/experiment/algorithms-page.ts';
import { agreementDrawing } from '../../lib/report/experiment/calcium.ts';
import { claimsOf } from '../../lib/report/experiment/claims.ts';
import { calibrationDrawing } from '../../lib/report/experiment/confidence.ts';
import { lossDrawing, siteDrawing } from '../../lib/report/experiment/drawings.ts';
import { resultsPage } from '../../lib/report/experiment/results-page.ts';
import { type SeedResult, seedResultSchema } from '../../lib/report/experiment/seed-result.ts';
import { removeDemo } from '../demo/data-dir.ts';
import { checkBeforeRun } from '../demo/preflight.ts';
import { runScenario } from '../demo/run.ts';
import { printJson } from '../print-json.ts';
import { collectCampaign } from '../report/collect.ts';
import { commitOfSource, seedResultOf } from './collect-seed.ts';
import { calciumCeiling } from './mask-ceiling.ts';
import { campaignOf, type Profile } from './profiles.ts';

export interface ExperimentOptions {
  readonly profile: Profile;
  readonly seeds: readonly number[];
  /** Folder of the results; every profile has a folder in it. */
  readonly out: string;
  /** Folder of buckets and queues; every seed has a folder in it. */
  readonly data: string;
  /** GPU tasks at the same time. */
  readonly tasks: number;
  /** Whether earlier results and buckets of the seeds are removed first. */
  readonly fresh: boolean;
  readonly json: boolean;
  /** The command line that continues it, without `fresh`. */
  readonly resumeWith: string;
  /** The command as typed, for the results page. */
  readonly command: string;
  readonly signal: AbortSignal;
}

/** Runs the seeds without results, one after the other, and writes tables and drawings after each. */
export async function runExperiment(options: ExperimentOptions): Promise<void> {
  const out = join(options.out, options.profile);
  mkdirSync(out, { recursive: true });
  const commit = commitOfSource();
  const results: SeedResult[] = [];
  const pagesOf = options.profile === 'algorithms' ? algorithmsPages : paperPages;
  const fileOf = (seed: number) => join(out, `seed-${seed}.json`);
  if (options.fresh) {
    await checkBeforeRun({ ...options, profile: 'experiment', endpoint: undefined, port: 0, resume: false });
    // All before the first: what continues an interrupted call takes the results that there are.
    for (const seed of options.seeds) {
      await removeDemo(dataOf(options, seed));
      rmSync(fileOf(seed), { force: true });
    }
  }
  for (const seed of options.seeds) {
    const file = fileOf(seed);
    if (!existsSync(file)) await runSeed(options, seed, file, commit);
    else console.error(`Seed ${seed}: taken from ${file} (--fresh runs it again).`);
    results.push(readResult(file));
    for (const [name, text] of Object.entries(pagesOf(results, options.command))) writeFileSync(join(out, name), text);
  }
  console.error(`Written to ${out}: README.md${options.profile === 'algorithms' ? '' : ' and its drawings'}.`);
  const claims = options.profile === 'algorithms' ? [] : claimsOf(results);
  if (options.json) printJson('experiment', { profile: options.profile, claims });
}

/** The page of the results and its drawings, by file name. */
type Pages = (results: readonly SeedResult[], command: string) => Readonly<Record<string, string>>;

const algorithmsPages: Pages = (results, command) => ({ 'README.md': algorithmsPage(results, command) });

const paperPages: Pages = (results, command) => ({
  'README.md': resultsPage(results, command),
  'learning-curves.svg': lossDrawing(results),
  'sites.svg': siteDrawing(results),
  'calcium.svg': agreementDrawing(results),
  'calibration.svg': calibrationDrawing(results),
});

const dataOf = ({ data, profile }: ExperimentOptions, seed: number): string => join(data, `${profile}-${seed}`);

/** Resumes an interrupted seed. */
async function runSeed(options: ExperimentOptions, seed: number, file: string, commit: string): Promise<void> {
  const data = dataOf(options, seed);
  await runScenario(
    {
      profile: 'experiment',
      seed,
      out: options.out,
      data,
      resume: existsSync(join(data, 'demo.json')),
      resumeWith: options.resumeWith,
      keep: false,
      tasks: options.tasks,
      endpoint: undefined,
      port: 0,
      json: false,
      signal: options.signal,
    },
    (scenario) => campaignOf(scenario, options.profile),
    async ({ scenario, campaign, directory, session, memory }, { context }, outcome) => {
      if (outcome.status !== 'completed') {
        const why = 'reason' in outcome ? `: ${printable(outcome.reason ?? '')}` : '';
        throw new FedcardioError('CAMPAIGN_FAILED', `Seed ${seed} ended as ${outcome.status}${why}.`);
      }
      const record = await collectCampaign({ ...context, federation: scenario.federation, campaign: campaign.id });
      const result = seedResultOf(scenario, record, {
        profile: options.profile,
        seed,
        commit,
        createdAt: new Date().toISOString(),
        wallSeconds: Math.round(session.elapsed()),
        peakRssMB: Math.round(memory.peak() / 1e6),
        ceiling: calciumCeiling(scenario, spacingOf(campaign)),
      });
      writeFileSync(file, `${JSON.stringify(result)}\n`);
      directory.save({ finished: true, peakRss: memory.peak() });
    },
  );
}

/** Side of the networks' voxels, mm. All stages of an experiment have one. */
const spacingOf = ({ stages }: Campaign): number =>
  stages.flatMap((stage) => ('training' in stage ? stage.training.spacing : []))[0] ?? 1;

function readResult(file: string): SeedResult {
  try {
    return seedResultSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw new FedcardioError('BAD_CONFIGURATION', `${file} is not a result of this experiment.`, {
      cause,
      hint: 'Remove it, or run again with --fresh.',
    });
  }
}
