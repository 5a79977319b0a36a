import { Command } from 'commander';
import { FedcardioError } from '../lib/error.ts';
import { printable, printableJson } from '../lib/printable.ts';
import type { RoundStatus } from '../lib/protocol/round-status.ts';
import type { CampaignStatus, StageStatus } from '../lib/protocol/status.ts';
import { counted, significant } from '../lib/report/format.ts';
import { aboutCampaign, type CampaignFlags, campaignContext } from './campaign.ts';
import { table } from './table.ts';

/** `fedcardio status <campaign>`: the state of a campaign, read from the federation bucket. */
export const statusCommand = (): Command =>
  aboutCampaign(new Command('status'))
    .description('Show the state of a campaign: stages, rounds, loss, and the sites that it waits for.')
    .option('--site <id>', "show only what happened to this site's updates, and why")
    .addHelpText(
      'after',
      `
Examples:
  fedcardio status demo-full-1 --endpoint http://127.0.0.1:4566
  fedcardio status tavi-2026 --federation heart --json
  fedcardio status tavi-2026 --site munich`,
    )
    .action(status);

interface StatusFlags extends CampaignFlags {
  readonly site?: string;
}

async function status(campaign: string, flags: StatusFlags): Promise<void> {
  const { campaignStatus } = await import('../lib/protocol/status.ts');
  const found = await campaignStatus(await campaignContext(flags), campaign);
  if (!found) {
    throw new FedcardioError('NOT_FOUND', `Federation "${flags.federation}" has no campaign "${campaign}".`, {
      hint: 'Check --federation and --endpoint.',
    });
  }
  if (flags.site === undefined) return console.log(flags.json ? printableJson(found) : statusText(found));
  const rounds = siteRounds(found, flags.site);
  console.log(flags.json ? printableJson(rounds) : siteText(found, flags.site, rounds));
}

/** The status as a table, followed by warnings, updates that counted less or came late, and failures. */
export function statusText(status: CampaignStatus): string {
  const rows = status.stages.map((stage) => [
    stage.name,
    stage.phase,
    `${stage.rounds.filter(({ phase }) => phase === 'committed').length}/${stage.total}`,
    lossOf(stage),
    stage.rounds.at(-1)?.waitingFor.join(', ') ?? '',
  ]);
  const warnings = [...status.warnings, ...status.suspected.map(suspicionOf)];
  const notes = status.stages.flatMap(({ name, rounds }) =>
    rounds.flatMap(({ round, clipped, limited, failed, late }) => [
      ...clipped.map((entry) => `${name} round ${round}: the update of ${entry.site} was ${scalingOf(entry)}`),
      ...limited.map((entry) => `${name} round ${round}: the update of ${entry.site} ${limitOf(entry)}`),
      ...failed.map(({ site, reason }) => `${name} round ${round}: ${site} failed: ${printable(reason)}`),
      ...late.map(({ site, at }) => `${name} round ${round}: the update of ${site} arrived late (${at})`),
    ]),
  );
  return [
    `${status.campaign}: ${status.phase}${status.reason === undefined ? '' : `: ${printable(status.reason)}`}`,
    ...(rows.length > 0 ? ['', ...table(['stage', 'phase', 'rounds', 'loss', 'waiting for'], rows)] : []),
    ...(warnings.length > 0 ? ['', ...warnings.map((text) => `warning: ${printable(text)}`)] : []),
    ...(notes.length > 0 ? ['', ...notes] : []),
  ].join('\n');
}

export interface SiteRound {
  readonly stage: string;
  readonly round: number;
  readonly became: 'merged' | 'waited for' | 'received' | 'failed or refused' | 'late' | 'missed';
  /** Why the update was not merged, or counted less. */
  readonly reason?: string;
}

/** The result of a site's update in each round that the site participates in. */
export const siteRounds = (status: CampaignStatus, site: string): readonly SiteRound[] =>
  status.stages.flatMap(({ name: stage, rounds }) =>
    rounds
      .filter(({ participants }) => participants.includes(site))
      .map((round): SiteRound => {
        const of = { stage, round: round.round };
        const failed = round.failed.find((failure) => failure.site === site);
        if (failed) return { ...of, became: 'failed or refused', reason: failed.reason };
        const clipped = round.clipped.filter((entry) => entry.site === site).map(scalingOf);
        const limited = round.limited.filter((entry) => entry.site === site).map(limitOf);
        const reduced = [...clipped, ...limited];
        if (reduced.length > 0) return { ...of, became: 'merged', reason: reduced.join(', ') };
        if (round.updated.includes(site)) return { ...of, became: round.phase === 'open' ? 'received' : 'merged' };
        const late = round.late.find((update) => update.site === site);
        if (late) return { ...of, became: 'late', reason: `it arrived at ${late.at}` };
        return { ...of, became: round.phase === 'open' ? 'waited for' : 'missed' };
      }),
  );

/** What happened to a site's updates, as a table. */
export function siteText(status: CampaignStatus, site: string, rounds: readonly SiteRound[]): string {
  const rows = rounds.map(({ stage, round, became, reason = '' }) => [stage, String(round), became, printable(reason)]);
  const head = `${status.campaign}: ${status.phase}; ${site} takes part in ${rounds.length} rounds so far`;
  return [head, ...(rows.length > 0 ? ['', ...table(['stage', 'round', 'update', 'why'], rows)] : [])].join('\n');
}

const suspicionOf = ({ site, pairs }: CampaignStatus['suspected'][number]): string =>
  `${site}: ${counted(pairs, 'pair')} of a training CT and a held-out CT may be parts of one scan, so that scores may be too good; intake's log there names the cases.`;

const scalingOf = ({ norm, factor }: RoundStatus['clipped'][number]): string =>
  `scaled by ${significant(factor)} (norm ${significant(norm)})`;

const limitOf = ({ samples, counted: as }: RoundStatus['limited'][number]): string =>
  `counted as ${significant(as)} cases instead of ${samples} (shareFactor)`;

/** The loss of the last committed round. */
function lossOf({ rounds }: StageStatus): string {
  const loss = rounds.findLast(({ figures }) => figures.loss !== undefined)?.figures.loss;
  return loss === undefined ? '' : significant(loss);
}
