import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { readFederation } from '../../cdk/read-federation.ts';
import { FedcardioError } from '../../lib/error.ts';
import { federationForSite } from '../../lib/federation/one-site.ts';
import { type Federation, isOnPremises, type Site } from '../../lib/federation/schemas.ts';
import { placeOf, topologyOf } from '../../lib/federation/topology.ts';
import { VERSION } from '../../lib/version.ts';
import { siteOf } from '../deploy-info/command.ts';
import { needsOf } from '../doctor/aws/plan.ts';
import { printJson } from '../print-json.ts';
import { type BundleFacts, bundleReadme } from './readme.ts';

interface BundleFlags {
  readonly site: string;
  readonly out?: string;
  readonly federation: string;
  readonly json?: boolean;
}

/** `fedcardio bundle`: what a hospital needs to deploy its own site. */
export const bundleCommand = (): Command =>
  new Command('bundle')
    .requiredOption('--site <id>', 'the site')
    .option('--out <dir>', 'new folder to write to (default: bundle-<site>)')
    .option('--federation <file>', 'federation.json', 'federation.json')
    .option('--json', 'print what was written as JSON')
    .addHelpText(
      'after',
      `
The written federation.json names no other hospital, and makes the same stacks of the site as the whole file. It makes no
stacks of the coordinator.

Examples:
  npx fedcardio bundle --site heidelberg
  npx fedcardio bundle --site heidelberg --out heidelberg-2026 --federation federation.json`,
    )
    .action(bundle);

async function bundle(flags: BundleFlags): Promise<void> {
  const federation = readFederation(flags.federation);
  const site = siteOf(federation, flags.site);
  const dir = flags.out ?? `bundle-${site.id}`;
  if (existsSync(dir) && readdirSync(dir).length > 0) {
    throw new FedcardioError('BAD_CONFIGURATION', `${dir} is not empty.`, { hint: 'Choose a new folder with --out.' });
  }
  requireOwnPlace(federation, site);
  const reduced = federationForSite(federation, site);
  const facts = await factsOf(federation, reduced, site);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'federation.json'), `${JSON.stringify(reduced, null, 2)}\n`);
  writeFileSync(join(dir, 'README.md'), bundleReadme(facts));
  const { stacks, image, sharedWith } = facts;
  if (flags.json)
    printJson('bundle', { site: site.id, dir, files: ['federation.json', 'README.md'], stacks, image, sharedWith });
  else console.log(writtenText(dir, facts));
}

/** Keys and network of an account and region serve all that is there, so that one site's file cannot make them. */
function requireOwnPlace(federation: Federation, site: Site): void {
  if (isOnPremises(site) || keyOf(federation, site) !== keyOf(federation, undefined)) return;
  throw new FedcardioError(
    'BAD_CONFIGURATION',
    `Site ${site.id} is in the coordinator's account and region, whose keys and network it shares.`,
    {
      hint: 'Deploy it with the whole federation.json, or give the site an account of its own (docs/security.md, Accounts).',
    },
  );
}

const keyOf = (federation: Federation, site: Site | undefined): string => JSON.stringify(placeOf(federation, site));

async function factsOf(federation: Federation, reduced: Federation, site: Site): Promise<BundleFacts> {
  const { synthesizeStacks } = await import('../../cdk/synthesize-stacks.ts');
  const templates = synthesizeStacks(topologyOf(reduced));
  const { account = '<account>', region = '<region>' } = placeOf(federation, site);
  const others = federation.sites.filter((one) => one.id !== site.id && !isOnPremises(one));
  const [image] = needsOf(templates, { account, region }).images;
  return {
    federation: reduced,
    site,
    stacks: templates.map(({ stackName }) => stackName),
    image,
    sharedWith: isOnPremises(site)
      ? []
      : others.filter((one) => keyOf(federation, one) === keyOf(federation, site)).map(({ id }) => id),
    version: VERSION,
  };
}

const writtenText = (dir: string, { site, stacks, sharedWith, image }: BundleFacts): string =>
  [
    `${dir}: federation.json of site ${site.id} alone, and README.md for its cloud team.`,
    `Stacks: ${stacks.join(', ')}`,
    ...(image === undefined ? [] : [`Image: ${image}`]),
    ...(sharedWith.length > 0
      ? [
          `Keys and network of its account and region are shared with ${sharedWith.join(', ')}: agree on who deploys them.`,
        ]
      : []),
  ].join('\n');
