import { Command, InvalidArgumentError } from 'commander';
import { significant } from '../../lib/report/format.ts';
import { instant } from '../campaign/times.ts';
import { type CampaignFlags, placed } from '../campaign.ts';
import { printJson } from '../print-json.ts';
import { table } from '../table.ts';
import { DELTA, type Spending } from './privacy-ledger.ts';
import { openSite } from './site-view.ts';

/** `fedcardio site privacy <site>`: what the site has revealed with differential privacy, over all campaigns. */
export const privacyCommand = (): Command =>
  placed(new Command('privacy').argument('<site>', 'id of your site'))
    .description("Show what a site has spent of its privacy budget, over all campaigns, from the site's own ledger.")
    .option('--delta <number>', 'δ at which ε is counted', probability, DELTA)
    .option('--budget <epsilon>', 'say what is left of this ε', positive)
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio site privacy heidelberg --federation heart
  npx fedcardio site privacy heidelberg --budget 8 --endpoint http://127.0.0.1:4566 --json

Needs no more than the site's upload role. See docs/privacy.md.`,
    )
    .action(showSpending);

interface PrivacyFlags extends CampaignFlags {
  readonly delta: number;
  readonly budget?: number;
}

async function showSpending(site: string, flags: PrivacyFlags): Promise<void> {
  const { siteSpending } = await import('./privacy-ledger.ts');
  const { store } = await openSite(site, flags);
  const spending = await siteSpending(store, flags.delta, flags.budget);
  if (flags.json) printJson('site-privacy', { site, ...spending });
  else console.log(spendingText(site, spending));
}

/** The spending as a table. */
export function spendingText(site: string, { spent, delta, left, campaigns }: Spending): string {
  if (campaigns.length === 0) return `${site} has sent no weights.`;
  const rows = campaigns.map((one) => [
    one.campaign,
    `${one.releases}`,
    one.releases === 0 ? '' : significant(one.epsilon),
    one.releases === 0 ? '' : one.unit,
    `${one.withoutNoise}`,
    instant(one.last),
  ]);
  const rest = left === undefined ? '' : `; ${significant(left)} left`;
  const bare = campaigns.filter(({ withoutNoise }) => withoutNoise > 0).map(({ campaign }) => campaign);
  return [
    `${site} has spent ε ${significant(spent)} at δ ${delta} over all rounds with noise${rest}.`,
    '',
    ...table(['campaign', 'with noise', 'ε alone', 'hides a', 'without noise', 'last, UTC'], rows),
    ...(bare.length > 0
      ? ['', `Rounds without noise have no ε: nothing bounds what they reveal (${bare.join(', ')}).`]
      : []),
  ].join('\n');
}

function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('It must be a number above 0.');
}

function probability(text: string): number {
  const value = positive(text);
  if (value < 1) return value;
  throw new InvalidArgumentError('It must be between 0 and 1.');
}
