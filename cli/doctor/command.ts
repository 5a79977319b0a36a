import { Command } from 'commander';
import { type CampaignFlags, federationOf, placed } from '../campaign.ts';
import { printJson } from '../print-json.ts';
import { findingsText, worst } from './finding.ts';
import { checkMachine } from './machine.ts';
import { checkConnection, checkFederation, isReached } from './remote.ts';

interface DoctorFlags extends CampaignFlags {
  readonly site?: string;
  readonly data: string;
  /** federation.json, or true. */
  readonly aws?: string | true;
  readonly profile?: readonly string[];
}

/** `fedcardio doctor`: finds what is wrong with this machine, the endpoint and the federation, each with a cure. */
export const doctorCommand = (): Command =>
  placed(new Command('doctor'))
    .option('--site <id>', 'check only this site (default: every site that has uploaded something)')
    .option('--data <dir>', 'directory whose disk is checked', '.fedcardio')
    .option('--aws [file]', 'check the AWS accounts of federation.json instead, before and after a deployment')
    .option('--profile <names...>', 'with --aws: profiles of ~/.aws/config, one for each account')
    .addHelpText(
      'after',
      `
Checks Node, tensor backend and its speed, GPU, memory and disk; with an endpoint, or in an environment that is configured
for AWS, also endpoint, clock, credentials, permissions, queues and dead letters. Permissions are tried with an object that
is deleted at once. With --aws: credentials, quotas, service-linked roles, bootstrap, names of buckets, stacks, image,
subscriptions to alarms, instance types and budget, in every account and region that the identities reach. Nothing is
changed; what the identity may not read is told. Exits with 1 if a check failed; a warning is no failure.

Examples:
  npx fedcardio doctor
  npx fedcardio doctor --endpoint http://127.0.0.1:4566 --federation heart --site berlin
  npx fedcardio doctor --federation heart --json
  npx fedcardio doctor --aws federation.json
  npx fedcardio doctor --aws federation.json --profile coordinator heidelberg`,
    )
    .action(async (flags: DoctorFlags) => {
      if (flags.aws !== undefined) return checkAccounts(flags);
      const machine = await checkMachine(flags);
      const connection = await checkConnection(flags);
      const findings = [
        ...machine,
        ...connection,
        ...(isReached(connection) ? await checkFederation({ ...flags, ...federationOf(flags) }) : []),
      ];
      if (flags.json) printJson('doctor', { status: worst(findings), findings });
      else console.log(findingsText(findings));
      if (worst(findings) === 'failed') process.exitCode = 1;
    });

async function checkAccounts({ aws, profile = [], endpoint, json }: DoctorFlags): Promise<void> {
  const [{ checkAws }, { readFederation }] = await Promise.all([
    import('./aws/check-aws.ts'),
    import('../../cdk/read-federation.ts'),
  ]);
  const federation = readFederation(typeof aws === 'string' ? aws : 'federation.json', '--aws FILE');
  const places = await checkAws(federation, { endpoint, profiles: profile });
  const status = worst(places.flatMap(({ findings }) => findings));
  if (json) printJson('doctor-aws', { status, federation: federation.id, places });
  else console.log(places.map(({ place, findings }) => `${place}\n${findingsText(findings)}`).join('\n\n'));
  if (status === 'failed') process.exitCode = 1;
}
