import { Command } from 'commander';
import { isFedcardioError } from '../../lib/error.ts';
import { DEFAULT_TASKS } from '../../lib/federation/tasks.ts';
import { printable } from '../../lib/printable.ts';
import { counted } from '../../lib/report/format.ts';
import { instant } from '../campaign/times.ts';
import { type CampaignFlags, placed } from '../campaign.ts';
import { printJson } from '../print-json.ts';
import { table } from '../table.ts';
import type { SiteOverview } from './site-overview.ts';
import { openSite } from './site-view.ts';

/** `fedcardio site status <site>`: what a site holds, what of it teaches something, and what left. */
export const siteStatusCommand = (): Command =>
  placed(new Command('status').argument('<site>', 'id of your site'))
    .description('Show what a site holds, which labels teach something, and what left it for which campaign.')
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio site status heidelberg --federation heart
  npx fedcardio site status heidelberg --endpoint http://127.0.0.1:4566 --json

Needs no more than the site's upload role. What left the site is read from its own records, below sent/ in its bucket.`,
    )
    .action(status);

async function status(site: string, flags: CampaignFlags): Promise<void> {
  const [{ createStatesReader }, { siteOverview }, { readTasks }] = await Promise.all([
    import('./read-states.ts'),
    import('./site-overview.ts'),
    import('../../lib/storage/federation-tasks.ts'),
  ]);
  const { store, federationStore } = await openSite(site, flags);
  const { cases } = await createStatesReader(store).read();
  const tasks = await readTasks({ federation: {}, federationStore }).catch((error: unknown) => {
    // An upload role of an earlier deployment may not read them.
    if (isFedcardioError(error, 'STORAGE')) return DEFAULT_TASKS;
    throw error;
  });
  const overview = await siteOverview(store, cases, tasks);
  if (flags.json) printJson('site-overview', { site, ...overview });
  else console.log(overviewText(site, overview));
}

/** The overview as tables. */
export function overviewText(site: string, { cases, labels, withoutImage, sent }: SiteOverview): string {
  const counts = Object.entries(cases).filter(([, count]) => count > 0);
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  const states = counts.map(([verdict, count]) => `${count} ${verdict}`).join(', ');
  const taught = labels.filter(({ teaching, incomplete, heldOut }) => teaching + incomplete + heldOut > 0);
  const rows = taught.map((one) => [one.task, `${one.teaching}`, `${one.incomplete}`, `${one.heldOut}`]);
  return [
    `${site}: ${counted(total, 'case')}${states === '' ? '' : `: ${states}`}.`,
    ...(rows.length > 0 ? ['', ...table(['labels of', 'teach', 'incomplete', 'held out'], rows)] : []),
    ...(withoutImage.length > 0 ? ['', printable(`Labels without a CT: ${withoutImage.join(', ')}.`)] : []),
    '',
    ...sentText(sent),
  ].join('\n');
}

function sentText(sent: SiteOverview['sent']): readonly string[] {
  if (sent.length === 0) return ['No campaign has received anything from this site.'];
  const rows = sent.map((one) => [
    one.campaign,
    one.stage,
    one.kind,
    `${one.rounds}`,
    `${(one.bytes / 1e6).toFixed(2)}`,
    `${one.scores}`,
    `${one.failures.length}`,
    instant(one.last),
  ]);
  return [
    'Left the site:',
    ...table(['campaign', 'stage', 'kind', 'rounds', 'MB', 'lists of scores', 'failures', 'last, UTC'], rows),
    ...sent.flatMap(({ campaign, stage, failures }) =>
      failures.map(({ round, reason }) => printable(`${campaign} ${stage} round ${round} failed: ${reason}`)),
    ),
  ];
}
