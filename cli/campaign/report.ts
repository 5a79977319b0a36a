import { join, resolve } from 'node:path';
import { Command } from 'commander';
import type { CampaignVerification } from '../../lib/protocol/verify-campaign.ts';
import type { ChainReport, Report } from '../../lib/report/report.ts';
import { aboutCampaign, type CampaignFlags, contextOf, type FederationPlace } from '../campaign.ts';
import { printJson } from '../print-json.ts';
import type { CampaignRecord } from '../report/collect.ts';
import type { RunFacts } from '../report/report-of.ts';
import { timelineOfRecord } from '../report/timeline.ts';
import { faultsOf } from '../verify.ts';

interface ReportFlags extends CampaignFlags {
  readonly out?: string;
  readonly verify: boolean;
}

/** `fedcardio campaign report <campaign>`: scores, curves, timeline and chain of any campaign. */
export const reportCommand = (): Command =>
  aboutCampaign(new Command('report'))
    .description("Write a campaign's report: scores, learning curves, timeline, missing sites and chain.")
    .option('--out <folder>', 'folder to write to (default: <campaign>-report)')
    .option('--no-verify', 'do not recompute the chain, which reads every update and every model')
    .addHelpText(
      'after',
      `
Writes report.html, report.json, scores.csv, rounds.csv and round_metrics.jsonl.

Examples:
  npx fedcardio campaign report tavi-2026 --endpoint http://127.0.0.1:4566
  npx fedcardio campaign report tavi-2026 --federation federation.json --out report --no-verify

Works while the campaign runs. Needs the federation bucket alone; sites whose own bucket may be read add one held-out case each,
with its predictions, and the names of rejected files. Exits with 1 if the chain does not match.`,
    )
    .action(report);

async function report(campaign: string, flags: ReportFlags): Promise<void> {
  const [{ writeReport }, { summaryText }, { verifyCampaign }, { campaignOverview }] = await Promise.all([
    import('../report/write-report.ts'),
    import('../report/summary-text.ts'),
    import('../../lib/protocol/verify-campaign.ts'),
    import('../../lib/protocol/status.ts'),
  ]);
  const context = await contextOf(campaign, flags);
  const overview = await campaignOverview(context, campaign);
  const chain =
    flags.verify && overview?.plannedAt !== undefined
      ? chainOf(await verifyCampaign(context.federationStore, campaign))
      : undefined;
  const out = resolve(flags.out ?? `${campaign}-report`);
  const { report, files } = await writeReport(
    { ...context, federation: await withSites(context), campaign },
    { status: statusOf(overview?.phase), reason: overview?.reason },
    (record) => factsOf(record, context.now(), chain),
    out,
    { weights: false },
  );
  if (flags.json) printJson('report', report);
  else {
    console.log(summaryText(report));
    console.log(`\nWritten to ${out}: ${files.length} files. Open ${join(out, 'report.html')} in a browser.`);
  }
  if (chain && chain.faults.length > 0) process.exitCode = 1;
}

/** A campaign without a plan has no report: collecting it fails before its state is shown. */
const statusOf = (phase: string | undefined): Report['status'] =>
  phase === undefined || phase === 'uploaded' ? 'running' : (phase as Report['status']);

const chainOf = (verification: CampaignVerification): ChainReport => ({
  rounds: verification.rounds.length,
  faults: faultsOf(verification),
});

/** The federation with the sites of `federation.json`, or with those that have sent counts. */
async function withSites({ declared, federation, federationStore }: FederationPlace) {
  if (declared) return declared;
  const { readSummaries } = await import('../../lib/storage/summaries.ts');
  const { counts } = await readSummaries(federationStore);
  return { ...federation, sites: [...counts.keys()].map((id) => ({ id, name: id })) };
}

function factsOf(record: CampaignRecord, now: Date, chain: ChainReport | undefined): RunFacts {
  const { plan, status, peakGpuTaskRss } = record;
  return {
    createdAt: now.toISOString(),
    seed: plan.campaign.seed,
    wallSeconds: Math.max(0, (Date.parse(status.endedAt ?? now.toISOString()) - Date.parse(plan.at)) / 1000),
    peakRssMB: Math.round(peakGpuTaskRss / 1e5) / 10,
    peakRssOf: 'largest task',
    timeline: timelineOfRecord(record),
    ...(chain ? { chain } : {}),
  };
}
