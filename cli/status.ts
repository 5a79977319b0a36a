import { Command } from 'commander';
import { FedcardioError } from '../lib/error.ts';
import { nearest } from '../lib/nearest.ts';
import { printable } from '../lib/printable.ts';
import type { CampaignStatus, StageStatus } from '../lib/protocol/status.ts';
import { counted, significant } from '../lib/report/format.ts';
import { privacyLines } from '../lib/report/privacy-text.ts';
import { validationText } from '../lib/report/validation-text.ts';
import { withdrawnText } from '../lib/report/withdrawn-text.ts';
import type { Summaries } from '../lib/storage/summaries.ts';
import { cellOf, participantsOf, type SiteRound, siteRounds } from './campaign/cells.ts';
import { duration, fromNow, instant } from './campaign/times.ts';
import { aboutCampaign, type CampaignFlags, contextOf } from './campaign.ts';
import { printJson } from './print-json.ts';
import { table } from './table.ts';

/** `fedcardio campaign status <campaign>`: the state of a campaign, read from the federation bucket. */
export const statusCommand = (): Command =>
  aboutCampaign(new Command('status'))
    .description('Show the state of a campaign: stages, rounds, times, loss, and the sites that it waits for.')
    .option('--site <id>', "show only what happened to this site's updates, and why")
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio campaign status demo-full-1 --endpoint http://127.0.0.1:4566
  npx fedcardio campaign status tavi-2026 --federation heart --json
  npx fedcardio campaign status tavi-2026 --site munich

Exits with 1 if the campaign has failed. Times are UTC.`,
    )
    .action(status);

interface StatusFlags extends CampaignFlags {
  readonly site?: string;
}

async function status(campaign: string, flags: StatusFlags): Promise<void> {
  const [{ campaignStatus }, { readSummaries }] = await Promise.all([
    import('../lib/protocol/status.ts'),
    import('../lib/storage/summaries.ts'),
  ]);
  const context = await contextOf(campaign, flags);
  const found = await campaignStatus(context, campaign);
  if (!found) throw new FedcardioError('NOT_FOUND', `Campaign ${campaign} has no objects.`);
  const { counts, unreadable } = await readSummaries(context.federationStore);
  if (found.phase === 'failed') process.exitCode = 1;
  if (flags.site === undefined) {
    const rejected = rejectedCases(counts);
    if (flags.json) printJson('campaign-status', { ...found, rejected: Object.fromEntries(rejected), unreadable });
    else console.log(statusText(found, { now: context.now(), rejected, unreadable }));
    return;
  }
  const sites = context.declared?.sites.map(({ id }) => id) ?? [];
  requireSite(flags.site, [...sites, ...counts.keys(), ...participantsOf(found)]);
  const rounds = siteRounds(found, flags.site);
  if (flags.json) printJson('site-status', { campaign, site: flags.site, rounds });
  else console.log(siteText(found, flags.site, rounds));
}

/** @throws FedcardioError `NOT_FOUND` with the nearest id if the federation has no such site */
function requireSite(site: string, known: readonly string[]): void {
  if (known.includes(site)) return;
  const ids = [...new Set(known)].sort();
  const near = nearest(site, ids);
  const listed = ids.length === 0 ? 'No site has sent counts yet.' : `Sites are ${ids.join(', ')}.`;
  throw new FedcardioError('NOT_FOUND', `The federation has no site "${printable(site)}".`, {
    hint: near === undefined ? listed : `Did you mean "${near}"? ${listed}`,
  });
}

/** Sites with rejected cases, and how many. */
const rejectedCases = (counts: Summaries['counts']): readonly (readonly [string, number])[] =>
  [...counts].flatMap(([site, { cases }]) => (cases.rejected > 0 ? [[site, cases.rejected] as const] : []));

interface Around {
  readonly now: Date;
  readonly rejected: ReturnType<typeof rejectedCases>;
  /** Sites that no new round asks, because their summary cannot be used. */
  readonly unreadable?: Summaries['unreadable'];
}

/** The status as a table, followed by the plan's warnings, what happened to updates, and rejected files. */
export function statusText(status: CampaignStatus, { now, rejected, unreadable = [] }: Around): string {
  const rows = status.stages.map((stage) => {
    const last = stage.rounds.at(-1);
    const awaited = stage.awaited ?? last?.awaited;
    return [
      stage.name,
      stage.phase,
      `${stage.rounds.filter(({ phase }) => phase === 'committed').length}/${stage.total}`,
      lossOf(stage),
      instant(stage.rounds[0]?.openedAt),
      stage.phase === 'completed'
        ? instant(last?.committedAt)
        : last?.phase === 'open'
          ? fromNow(last.deadline, now)
          : awaited
            ? fromNow(awaited.until, now)
            : '',
      awaited ? `${awaited.sites.join(', ')} (${STEPS[awaited.step]})` : (last?.waitingFor.join(', ') ?? ''),
    ];
  });
  const notes = status.stages.flatMap(({ name, rounds }) =>
    rounds.flatMap((round) =>
      round.participants.flatMap((site) => {
        const cell = cellOf(round, site);
        if (!cell || ['merged', 'answered', 'waited for'].includes(cell.became)) return [];
        return [`${name} round ${round.round}: ${site} ${cell.became}: ${printable(cell.reason ?? '')}`];
      }),
    ),
  );
  const validated = status.stages.flatMap(({ name, rounds }) => {
    const text = validationText(rounds);
    return text === undefined ? [] : [`${name}: ${text}`];
  });
  const warnings = [
    ...status.warnings,
    ...status.suspected.map(suspicionOf),
    ...(status.endedAt === undefined ? unreadable.map(exclusionOf) : []),
  ];
  const head = ['stage', 'phase', 'rounds', 'loss', 'began', 'ended, or deadline', 'waiting for'];
  const files = rejected.map(([site, count]) => `${site} ${count}`).join(', ');
  return [
    headOf(status, now),
    ...(rows.length > 0 ? ['', ...table(head, rows)] : []),
    ...consentLines(status),
    ...(validated.length > 0 ? ['', ...validated] : []),
    ...(status.privacy ? ['', ...privacyLines(status)] : []),
    ...(warnings.length > 0 ? ['', ...warnings.map((text) => `warning: ${printable(text)}`)] : []),
    ...(status.withdrawn.length > 0 ? ['', ...withdrawnText(status.withdrawn)] : []),
    ...(notes.length > 0 ? ['', ...notes] : []),
    ...(files === ''
      ? []
      : ['', `cases with rejected files: ${files} (the reasons are in rejected/ of each site's bucket)`]),
  ].join('\n');
}

/** Sites that do not agree to the campaign, or have not answered yet. */
function consentLines({ consents, endedAt }: CampaignStatus): readonly string[] {
  const open = consents.filter(({ state }) => state === 'asked').map(({ site }) => site);
  const others = consents.filter(({ state }) => state !== 'asked' && state !== 'agreed');
  const lines = [
    ...(open.length > 0 && endedAt === undefined ? [`asked for consent, no answer yet: ${open.join(', ')}`] : []),
    ...others.map(({ site, state, by, at, until, reason }) => {
      const what = state === 'ended' ? `the consent ended ${instant(until ?? at)}` : `${state} (${by}, ${instant(at)})`;
      return printable(`${site}: ${what}${reason === undefined ? '' : `: ${reason}`}`);
    }),
  ];
  return lines.length > 0 ? ['', ...lines] : [];
}

/** What sites are waited for with secure aggregation, besides their updates. */
const STEPS = {
  keys: 'their keys',
  shares: 'shares of their keys',
  endorse: 'to endorse the list of updates',
  reveal: 'to open the masks',
};

const suspicionOf = ({ site, pairs }: CampaignStatus['suspected'][number]): string =>
  `${site}: ${counted(pairs, 'pair')} of a training CT and a held-out CT may be parts of one scan, so that scores may be too good; intake's log there names the cases.`;

const exclusionOf = ({ site, reason }: Summaries['unreadable'][number]): string =>
  `${site} takes part in no new round, because its summary cannot be used: ${reason}`;

/** `tavi: failed: No site … (planned …, ended … after …)`. */
export function headOf(
  {
    campaign,
    phase,
    reason,
    plannedAt,
    endedAt,
  }: Omit<CampaignStatus, 'stages' | 'suspected' | 'consents' | 'withdrawn'>,
  now: Date,
): string {
  const times = [
    ...(plannedAt === undefined ? [] : [`planned ${instant(plannedAt)}`]),
    ...(endedAt === undefined ? [] : [`ended ${instant(endedAt)}`]),
    ...(plannedAt === undefined
      ? []
      : [
          `${endedAt === undefined ? 'for' : 'after'} ${duration(Date.parse(endedAt ?? now.toISOString()) - Date.parse(plannedAt))}`,
        ]),
  ];
  const why = reason === undefined ? '' : `: ${printable(reason)}`;
  return `${campaign}: ${phase}${why}${times.length === 0 ? '' : `\n${times.join(', ')}`}`;
}

/** What happened to a site's updates, as a table. */
export function siteText(status: CampaignStatus, site: string, rounds: readonly SiteRound[]): string {
  const rows = rounds.map(({ stage, round, became, reason = '' }) => [stage, String(round), became, printable(reason)]);
  const head = `${status.campaign}: ${status.phase}; ${site} takes part in ${rounds.length} rounds so far`;
  return [head, ...(rows.length > 0 ? ['', ...table(['stage', 'round', 'update', 'why'], rows)] : [])].join('\n');
}

/** The loss of the last committed round. */
export function lossOf({ rounds }: StageStatus): string {
  const loss = rounds.findLast(({ figures }) => figures.loss !== undefined)?.figures.loss;
  return loss === undefined ? '' : significant(loss);
}
