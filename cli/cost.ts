import { join } from 'node:path';
import { Command, Option } from 'commander';
import type { z } from 'zod';
import { campaignSchema, type Federation, federationSchema } from '../lib/federation/schemas.ts';
import { parseJson } from '../lib/json.ts';
import { ROOT } from '../lib/program.ts';
import { type Estimate, estimateCost } from './cost/estimate.ts';
import { withOwnAccounts } from './cost/federation.ts';
import type { Line } from './cost/lines.ts';
import { PRICES, pricesSchema } from './cost/prices.ts';
import { ASSUMPTIONS } from './cost/workload.ts';
import { atLeastOne, positive } from './options.ts';
import { printJson } from './print-json.ts';
import { readInput } from './read-input.ts';
import { table } from './table.ts';

const EXAMPLE = join(ROOT, 'examples', 'paper', 'campaign.json');

interface CostFlags {
  readonly campaign: string;
  readonly cases: number;
  readonly caseMb: number;
  readonly gpuRatio: number;
  readonly prices?: string;
  readonly ownAccounts?: boolean;
  readonly json?: boolean;
}

/** `fedcardio cost <federation.json>`: the cost of a federation on AWS, from a table of prices, without any request. */
export const costCommand = (): Command =>
  new Command('cost')
    .argument('<federation>', 'file that describes the federation, such as examples/paper/federation.json')
    .addOption(
      new Option('--campaign <file>', 'the campaign to estimate').default(
        EXAMPLE,
        'examples/paper/campaign.json of this package',
      ),
    )
    .option('--cases <n>', 'cases of each site', atLeastOne, ASSUMPTIONS.casesPerSite)
    .option('--case-mb <n>', 'size of a case, MB', positive, ASSUMPTIONS.caseMegabytes)
    .option('--gpu-ratio <n>', 'training speed of the GPU relative to two CPU cores', positive, ASSUMPTIONS.gpuRatio)
    .option('--prices <file>', 'prices of another region or date, in the format that --json prints')
    .option('--own-accounts', 'as if every site on AWS had an account of its own')
    .option('--json', 'print everything as JSON')
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio cost examples/paper/federation.json
  npx fedcardio cost federation.json --campaign campaign.json --cases 400 --json`,
    )
    .action(cost);

function cost(file: string, flags: CostFlags): void {
  const given = read(file, federationSchema);
  const federation = flags.ownAccounts ? withOwnAccounts(given) : given;
  const campaign = read(flags.campaign, campaignSchema);
  const assumptions = {
    ...ASSUMPTIONS,
    casesPerSite: flags.cases,
    caseMegabytes: flags.caseMb,
    gpuRatio: flags.gpuRatio,
  };
  const prices = flags.prices === undefined ? PRICES : read(flags.prices, pricesSchema);
  const estimate = estimateCost(federation, campaign, assumptions, prices);
  if (flags.json) printJson('cost', estimate);
  else console.log(costText(estimate, regionsOf(given)));
}

function read<S extends z.ZodType>(file: string, schema: S): z.infer<S> {
  return parseJson(readInput(file), schema, file);
}

/** Regions that a federation names. */
const regionsOf = ({ region, sites }: Federation): readonly string[] => [
  ...new Set([region, ...sites.map((site) => site.region)].filter((name) => name !== undefined)),
];

function costText(
  { federation, sites, onPremises, assumptions, prices, campaign, idle, accounts, server, clients }: Estimate,
  regions: readonly string[],
): string {
  const { casesPerSite, caseMegabytes, gpuRatio } = assumptions;
  const parts: readonly [string, { readonly lines: readonly Line[]; readonly usd: number }][] = [
    ['A campaign', campaign],
    ['An idle month', idle],
    ['For comparison: an idle month of a server that is always on', server],
    ['For comparison: an idle month of clients on GPU hosts that wait for it', clients],
  ];
  return [
    `${federation}: ${sites} sites${onPremises > 0 ? ` on AWS, ${onPremises} on-premises` : ''}, ${casesPerSite} cases of ${caseMegabytes} MB each; a GPU ${gpuRatio} times as fast as two cores`,
    `Prices in ${prices.region} on ${prices.asOf}, USD, without free tiers, discounts and tax`,
    ...regionWarning(prices.region, regions),
    ...parts.flatMap(([title, { lines, usd }]) => [
      '',
      title,
      ...table(
        ['', 'quantity', 'unit', 'USD each', 'USD'],
        [
          ...lines.map(({ what, quantity, unit, price, usd }) => [
            what,
            rounded(quantity),
            unit,
            String(Number(price.toPrecision(6))),
            usd.toFixed(2),
          ]),
          ['sum', '', '', '', usd.toFixed(2)],
        ],
      ),
    ]),
    ...accountsTable(accounts),
    '',
    'How each line is computed, and what is left out: docs/cost.md',
  ].join('\n');
}

/** @param regions of the federation */
function regionWarning(priced: string, regions: readonly string[]): readonly string[] {
  const others = regions.filter((region) => region !== priced);
  if (others.length === 0) return [];
  return [
    `Warning: ${others.join(', ')} may cost up to a third more in Europe, and up to twice as much elsewhere: give your prices with --prices`,
  ];
}

function accountsTable(accounts: Estimate['accounts']): readonly string[] {
  return [
    '',
    "The idle month by account, with and without the storage of the hospitals' cases",
    ...table(
      ['account', 'sites', 'USD', 'without cases'],
      accounts.map(({ account, sites, usd, cases }) => [
        account,
        String(sites),
        usd.toFixed(2),
        (usd - cases).toFixed(2),
      ]),
    ),
  ];
}

const rounded = (quantity: number): string =>
  quantity >= 100 ? String(Math.round(quantity)) : String(Number(quantity.toPrecision(3)));
