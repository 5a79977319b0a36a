import { Command } from 'commander';
import { readFederation } from '../../cdk/read-federation.ts';
import { FedcardioError } from '../../lib/error.ts';
import type { Federation, Site } from '../../lib/federation/schemas.ts';
import { nearest } from '../../lib/nearest.ts';
import { printable } from '../../lib/printable.ts';
import { url } from '../options.ts';
import { printJson } from '../print-json.ts';
import { table } from '../table.ts';
import { deploymentOf, type Part } from './deployment.ts';
import { handoverText } from './handover.ts';

interface DeployInfoFlags {
  readonly federation: string;
  readonly site?: string;
  readonly outputs?: string;
  readonly profile?: readonly string[];
  readonly endpoint?: string;
  readonly json?: boolean;
}

/** `fedcardio deploy-info`: what was deployed, and what a hospital needs of it. */
export const deployInfoCommand = (): Command =>
  new Command('deploy-info')
    .option('--federation <file>', 'federation.json', 'federation.json')
    .option('--site <id>', 'print what to hand over to this hospital')
    .option('--outputs <file>', 'read the file of `cdk deploy --outputs-file` instead of asking AWS')
    .option('--profile <names...>', 'profiles of ~/.aws/config, one for each account')
    .option('--endpoint <url>', 'endpoint of CloudFormation (default: AWS)', url)
    .option('--json', 'print everything as JSON')
    .addHelpText(
      'after',
      `
Reads the outputs of the federation's stacks (cloudformation:DescribeStacks) in every account and region that the identities
reach. Exits with 1 if a stack is missing.

Examples:
  npx fedcardio deploy-info
  npx fedcardio deploy-info --federation federation.json --site heidelberg
  npx fedcardio deploy-info --outputs outputs.json --json`,
    )
    .action(deployInfo);

async function deployInfo(flags: DeployInfoFlags): Promise<void> {
  const federation = readFederation(flags.federation);
  const site = flags.site === undefined ? undefined : siteOf(federation, flags.site);
  const { readOutputsFile, readStacks } = await import('./read-stacks.ts');
  const { stacks, unreached } =
    flags.outputs === undefined
      ? await readStacks(federation, flags.profile ?? [], flags.endpoint)
      : { stacks: readOutputsFile(flags.outputs), unreached: [] };
  for (const { account } of unreached) {
    console.error(`No identity of account ${account}: add --profile NAME with a profile for it.`);
  }
  const parts = deploymentOf(federation, stacks);
  const shown = site ? parts.filter((part) => part.site === site.id) : parts;
  if (flags.json) printJson('deploy-info', { federation: federation.id, parts: shown });
  else if (site) console.log(handoverText(federation, site, shown[0] as Part));
  else console.log(shown.map(partText).join('\n\n'));
  if (shown.some(({ missing }) => missing.length > 0)) process.exitCode = 1;
}

/** The site with an id. @throws FedcardioError NOT_FOUND with the nearest id */
export function siteOf({ id: federation, sites }: Federation, id: string): Site {
  const site = sites.find((one) => one.id === id);
  if (site) return site;
  const ids = sites.map((one) => one.id);
  const near = nearest(id, ids);
  throw new FedcardioError('NOT_FOUND', `Federation "${federation}" has no site "${printable(id)}".`, {
    hint: `${near === undefined ? '' : `Did you mean "${near}"? `}Its sites are ${ids.slice(0, 10).join(', ')}${ids.length > 10 ? ', and others' : ''}.`,
  });
}

function partText({ site, account, region, outputs, missing }: Part): string {
  const place = account === undefined ? '' : ` in ${account}, ${region}`;
  const rows = Object.entries(outputs).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [
    `${site === undefined ? 'Coordinator' : `Site ${site}`}${place}`,
    ...(rows.length > 0 ? table(['output', 'value'], rows).map((line) => `  ${printable(line)}`) : []),
    ...(missing.length > 0 ? [`  not deployed, or not seen: ${missing.join(', ')}`] : []),
  ].join('\n');
}
