import { userInfo } from 'node:os';
import { Argument, Command, Option } from 'commander';
import { siteKeys } from '../../lib/federation/keys.ts';
import { type Policy, policySchema } from '../../lib/federation/schemas.ts';
import { printable } from '../../lib/printable.ts';
import { instant } from '../campaign/times.ts';
import { type CampaignFlags, placed } from '../campaign.ts';
import { atLeastOne, positive } from '../options.ts';
import { printJson } from '../print-json.ts';
import { limitLines } from './consent-text.ts';
import { openSite } from './site-view.ts';

interface PolicyFlags extends CampaignFlags {
  readonly by?: string;
  readonly tasks?: readonly string[];
  readonly maxRounds?: number;
  readonly require?: ('secureAggregation' | 'differentialPrivacy')[];
  readonly scores: Policy['limits']['scores'];
  readonly minimumCases: number;
  readonly figures: boolean;
  readonly epsilon?: number;
  readonly delta: number;
  readonly days?: number;
}

const MODES = ['standing', 'ask', 'never'] as const;

/** `fedcardio site policy <site> [mode]`: how a site decides on campaigns. */
export const policyCommand = (): Command =>
  placed(
    new Command('policy')
      .argument('<site>', 'id of your site')
      .addArgument(new Argument('[mode]', 'how campaigns are answered (default: show the policy)').choices(MODES)),
  )
    .description('Show or set how a site answers campaigns: by rules, by asking a person, or never.')
    .option('--by <name>', 'who sets it (default: the name of your account here)')
    .option('--tasks <task...>', 'standing: agree to these tasks only')
    .option('--max-rounds <n>', 'standing: agree to stages of at most as many rounds', atLeastOne)
    .addOption(
      new Option('--require <protection...>', 'standing: agree to campaigns with this protection only').choices([
        'secureAggregation',
        'differentialPrivacy',
      ]),
    )
    .addOption(
      new Option('--scores <what>', 'which scores may leave')
        .choices(['cases', 'aggregates', 'none'])
        .default('aggregates'),
    )
    .option('--minimum-cases <n>', 'fewest cases behind a figure that leaves', atLeastOne, 5)
    .option('--no-figures', 'let no figures such as losses leave')
    .option('--epsilon <value>', 'privacy budget over all campaigns (default: none)', positive)
    .option('--delta <value>', 'δ of the budget', positive, 1e-5)
    .option('--days <n>', 'a consent ends after as many days (default: never)', atLeastOne)
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio site policy heidelberg --federation heart
  npx fedcardio site policy heidelberg ask --federation heart --minimum-cases 10
  npx fedcardio site policy heidelberg standing --tasks hinge-points calcification --max-rounds 200 --days 365
  npx fedcardio site policy heidelberg never

Setting it needs the site's withdraw role. A site without a policy is asked. A policy is for campaigns that have not asked
yet: see fedcardio site consent for the others.`,
    )
    .action(policy);

async function policy(site: string, mode: Policy['mode'] | undefined, flags: PolicyFlags): Promise<void> {
  const [{ readPolicy }, { writeDocument }] = await Promise.all([
    import('../../lib/protocol/consent/at-site.ts'),
    import('../../lib/storage/documents.ts'),
  ]);
  const { store } = await openSite(site, flags);
  if (mode === undefined) return show(site, await readPolicy(store), flags);
  const set = policyOf(site, mode, flags);
  await writeDocument(store, siteKeys.policy, policySchema, set);
  show(site, set, flags);
}

const policyOf = (site: string, mode: Policy['mode'], flags: PolicyFlags): Policy => ({
  schema: 'fedcardio.policy/1',
  site,
  mode,
  rules: {
    ...(flags.tasks && { tasks: [...flags.tasks] }),
    ...(flags.maxRounds !== undefined && { maxRounds: flags.maxRounds }),
    ...(flags.require && { requires: flags.require }),
  },
  limits: {
    scores: flags.scores,
    figures: flags.figures,
    minimumCases: flags.minimumCases,
    ...(flags.epsilon !== undefined && { budget: { epsilon: flags.epsilon, delta: flags.delta } }),
  },
  ...(flags.days !== undefined && { days: flags.days }),
  by: flags.by ?? userInfo().username,
  at: new Date().toISOString(),
});

function show(site: string, found: Policy | undefined, flags: PolicyFlags): void {
  if (flags.json) printJson('site-policy', { site, policy: found ?? null });
  else console.log(found ? policyText(found) : `${site} has no policy: a person is asked about every campaign.`);
}

const MEANING = {
  standing: 'agrees by itself to campaigns that meet the rules, and asks a person about the others',
  ask: 'asks a person about every campaign',
  never: 'declines every campaign',
} as const;

/** A policy in words. */
function policyText({ site, mode, rules, limits, days, by, at }: Policy): string {
  const { tasks, maxRounds, requires } = rules;
  return [
    `${site} ${MEANING[mode]} (${printable(by)}, ${instant(at)} UTC).`,
    ...(tasks ? [`- tasks: ${tasks.join(', ')}`] : []),
    ...(maxRounds === undefined ? [] : [`- at most ${maxRounds} rounds a stage`]),
    ...(requires ? [`- requires ${requires.join(', ')}`] : []),
    ...limitLines(limits),
    ...(days === undefined ? [] : [`- a consent ends after ${days} days`]),
  ].join('\n');
}
