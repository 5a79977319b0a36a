import { userInfo } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { mapConcurrently } from '../../lib/async.ts';
import { siteKeys } from '../../lib/federation/keys.ts';
import { type Consent, consentSchema } from '../../lib/federation/schemas.ts';
import { printable } from '../../lib/printable.ts';
import type { Decision } from '../../lib/protocol/consent/at-site.ts';
import type { SiteStore } from '../../lib/storage/contract.ts';
import { listDocuments, readJson } from '../../lib/storage/documents.ts';
import { type CampaignFlags, placed, placeOptions } from '../campaign.ts';
import { atLeastOne, futureDate, positive } from '../options.ts';
import { printJson } from '../print-json.ts';
import { commandLine } from '../shell-words.ts';
import { consentsText, consentText } from './consent-text.ts';
import { openSite } from './site-view.ts';

interface ConsentFlags extends CampaignFlags {
  readonly agree?: boolean;
  readonly decline?: boolean;
  readonly withdraw?: boolean;
  readonly plan?: string;
  readonly by?: string;
  readonly reason?: string;
  readonly scores?: Consent['limits']['scores'];
  readonly minimumCases?: number;
  readonly figures: boolean;
  readonly epsilon?: number;
  readonly delta: number;
  readonly until?: string;
}

/** `fedcardio site consent <site> [campaign]`: what campaigns ask of a site, and its answers. */
export const consentCommand = (): Command =>
  placed(
    new Command('consent')
      .argument('<site>', 'id of your site')
      .argument('[campaign]', 'id of a campaign (default: all that have asked the site)'),
  )
    .description('Show what campaigns ask of a site, and agree, decline or withdraw.')
    .addOption(new Option('--agree', 'agree to the campaign').conflicts(['decline', 'withdraw']))
    .addOption(new Option('--decline', 'decline it').conflicts(['agree', 'withdraw']))
    .addOption(
      new Option('--withdraw', 'withdraw a consent: nothing more is started or sent').conflicts(['agree', 'decline']),
    )
    .addOption(
      new Option(
        '--plan <sha256>',
        'agree to the plan that was shown, and to no other (default: as the site was asked)',
      )
        .argParser(sha256)
        .conflicts(['decline', 'withdraw']),
    )
    .option('--by <name>', 'who decides; the coordinator sees it (default: the name of your account here)')
    .option('--reason <text>', 'why; the coordinator sees it')
    .addOption(
      new Option('--scores <what>', 'which scores may leave (default: as the policy says)').choices([
        'cases',
        'aggregates',
        'none',
      ]),
    )
    .option('--minimum-cases <n>', 'fewest cases behind a figure that leaves', atLeastOne)
    .option('--no-figures', 'let no figures such as losses leave')
    .option('--epsilon <value>', 'privacy budget over all campaigns (default: as the policy says)', positive)
    .option('--delta <value>', 'δ of the budget', positive, 1e-5)
    .option(
      '--until <date>',
      'the consent ends then: 2027-06-30 (midnight UTC), or a time with its zone (default: as the policy says)',
      (text: string) => futureDate(text, new Date()),
    )
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio site consent heidelberg --federation heart
  npx fedcardio site consent heidelberg tavi-2026 --federation heart
  npx fedcardio site consent heidelberg tavi-2026 --agree --by "Data protection office" --minimum-cases 10
  npx fedcardio site consent heidelberg tavi-2026 --withdraw --reason "The study was stopped."

Showing needs the site's upload role, deciding its withdraw role. Without a decision nothing is started and nothing leaves.
A withdrawn consent stops the next round; what has been merged stays in the models.`,
    )
    .action(consent);

function sha256(text: string): string {
  if (!/^[0-9a-f]{64}$/.test(text))
    throw new InvalidArgumentError('Expected the 64 digits that were shown as the plan.');
  return text;
}

async function consent(
  site: string,
  campaign: string | undefined,
  flags: ConsentFlags,
  command: Command,
): Promise<void> {
  const { store, federationStore } = await openSite(site, flags);
  const now = () => new Date();
  const state = flags.agree ? 'agreed' : flags.decline ? 'declined' : flags.withdraw ? 'withdrawn' : undefined;
  if (campaign === undefined) {
    if (state !== undefined) {
      const asked = (await readConsents(store)).consents.map((one) => printable(one.campaign));
      const which = asked.length === 0 ? 'None has asked the site yet.' : `The site was asked by ${asked.join(', ')}.`;
      command.error(`error: Say which campaign: ${site} CAMPAIGN. ${which}`);
    }
    return showAll(site, store, flags);
  }
  if (state === undefined) {
    const { shownConsent } = await import('../../lib/protocol/consent/at-site.ts');
    const found = await shownConsent({ site, store, federationStore, now }, campaign);
    if (flags.json) printJson('site-consent', found);
    else console.log(consentText(found, now()));
    return;
  }
  const { decide } = await import('../../lib/protocol/consent/at-site.ts');
  const answer = await decide({ site, store, federationStore, now }, campaign, decisionOf(state, flags));
  if (flags.json) printJson('site-consent', answer);
  else console.log(consentText(answer, now()));
}

const decisionOf = (state: Decision['state'], flags: ConsentFlags): Decision => ({
  state,
  plan: flags.plan,
  by: flags.by ?? userInfo().username,
  reason: flags.reason,
  limits: {
    ...(flags.scores && { scores: flags.scores }),
    ...(flags.minimumCases !== undefined && { minimumCases: flags.minimumCases }),
    ...(!flags.figures && { figures: false }),
    ...(flags.epsilon !== undefined && { budget: { epsilon: flags.epsilon, delta: flags.delta } }),
  },
  ...(flags.until !== undefined && { until: flags.until }),
});

const READS_AT_ONCE = 16;

/** All answers of a site. One that cannot be read does not hide the others. */
async function readConsents(store: SiteStore) {
  const keys: (typeof siteKeys.consentPrefix)[] = [];
  for await (const { key } of listDocuments(store, siteKeys.consentPrefix)) keys.push(key);
  const found = await mapConcurrently(keys, READS_AT_ONCE, async (key) => {
    try {
      return { consent: (await readJson(store, key, consentSchema)).value };
    } catch (error) {
      return { unreadable: { key, reason: (error as Error).message } };
    }
  });
  return {
    consents: found.flatMap((one) => ('consent' in one ? [one.consent] : [])),
    unreadable: found.flatMap((one) => ('unreadable' in one ? [one.unreadable] : [])),
  };
}

async function showAll(site: string, store: SiteStore, flags: ConsentFlags): Promise<void> {
  const { consents, unreadable } = await readConsents(store);
  if (flags.json) return printJson('site-consents', { site, consents, unreadable });
  const example = commandLine(['npx', 'fedcardio', 'site', 'consent', site, 'CAMPAIGN', ...placeOptions(flags)]);
  console.log(consentsText(site, consents, new Date(), example));
  for (const { key, reason } of unreadable) console.error(`${key}: ${reason}`);
}
