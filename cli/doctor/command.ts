import { Command } from 'commander';
import { federationKeys } from '../../lib/federation/keys.ts';
import { type Federation, isOnPremises } from '../../lib/federation/schemas.ts';
import type { SiteStore } from '../../lib/storage/contract.ts';
import { storesOf } from '../../lib/storage/stores.ts';
import { type CampaignFlags, federationOf, placed } from '../campaign.ts';
import { printJson } from '../print-json.ts';
import { checkFederationBucket, checkSiteBucket } from './buckets.ts';
import { checkClock, checkEndpoint, checkIdentity } from './endpoint.ts';
import { attempt, type Finding, findingsText, skipped, worst } from './finding.ts';
import { checkMachine } from './machine.ts';
import { checkQueue, queuesOf } from './queues.ts';

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
    .description(
      'Check this machine and what answers at an endpoint, or with --aws the accounts of a deployment: each problem is shown with its cure.',
    )
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
      const findings = [...(await checkMachine(flags)), ...(await checkRemote(flags))];
      if (flags.json) printJson('doctor', { status: worst(findings), findings });
      else console.log(findingsText(findings));
      if (worst(findings) === 'failed') process.exitCode = 1;
    });

async function checkAccounts({ aws, profile = [], endpoint, json }: DoctorFlags): Promise<void> {
  const [{ checkAws }, { readFederation }] = await Promise.all([
    import('./aws/check-aws.ts'),
    import('../../cdk/read-federation.ts'),
  ]);
  const federation = readFederation(typeof aws === 'string' ? aws : 'federation.json');
  const places = await checkAws(federation, { endpoint, profiles: profile });
  const status = worst(places.flatMap(({ findings }) => findings));
  if (json) printJson('doctor-aws', { status, federation: federation.id, places });
  else console.log(places.map(({ place, findings }) => `${place}\n${findingsText(findings)}`).join('\n\n'));
  if (status === 'failed') process.exitCode = 1;
}

/** Whether the environment says how to reach AWS. */
const isForAws = (): boolean =>
  ['AWS_PROFILE', 'AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_WEB_IDENTITY_TOKEN_FILE'].some(
    (name) => process.env[name],
  );

async function checkRemote(flags: DoctorFlags): Promise<readonly Finding[]> {
  if (flags.endpoint === undefined && !isForAws()) {
    return [skipped('endpoint', 'none was named (--endpoint), and no AWS_PROFILE or AWS_REGION is set')];
  }
  const { identityOf } = await import('../../lib/aws/identity.ts');
  const { endpoint } = flags;
  let region: string | undefined;
  const credentials = await attempt('credentials', async () => {
    const identity = await identityOf({ endpoint });
    region = identity.region;
    return checkIdentity(identity, new Date());
  });
  const url = endpoint ?? (region && `https://s3.${region}.amazonaws.com`);
  const reached = url === undefined ? [] : await checkReached(url, endpoint !== undefined);
  const findings = [...reached, credentials];
  return worst(findings) === 'failed' ? findings : [...findings, ...(await checkFederation(flags))];
}

async function checkReached(url: string, needsSqs: boolean): Promise<readonly Finding[]> {
  const { probeEndpoint } = await import('../../lib/aws/endpoint.ts');
  const findings: Finding[] = [];
  const endpoint = await attempt('endpoint', async () => {
    const answer = await probeEndpoint(url);
    findings.push(checkClock(answer.date, new Date(), answer.milliseconds));
    return checkEndpoint(url, answer, needsSqs);
  });
  return [endpoint, ...findings];
}

async function checkFederation(flags: DoctorFlags): Promise<readonly Finding[]> {
  const { endpoint, site } = flags;
  const { id: federation, declared } = federationOf(flags);
  const [{ createObjectStorage }, { createQueues }] = await Promise.all([
    import('../../lib/aws/objects.ts'),
    import('../../lib/aws/queues.ts'),
  ]);
  const { federationStore, siteStore } = storesOf(createObjectStorage({ endpoint }), federation);
  const bucket = await checkFederationBucket(federationStore);
  const sites: string[] = site === undefined ? [] : [site];
  if (site === undefined && bucket.status !== 'failed') {
    for await (const folder of federationStore.folders(federationKeys.summaryPrefix)) {
      sites.push(folder.slice(federationKeys.summaryPrefix.length, -1));
    }
  }
  const queues = createQueues({ endpoint });
  return [
    bucket,
    ...(await Promise.all(sites.map((id) => checkSite(id, siteStore(id), declared)))),
    ...(await Promise.all(queuesOf(federation, sites, declared).map((queue) => checkQueue(queues, queue)))),
  ];
}

/** The bucket of an on-premises site is on its own machine. */
function checkSite(id: string, store: SiteStore, declared: Federation | undefined): Promise<Finding> | Finding {
  const isElsewhere = declared?.sites.some((site) => site.id === id && isOnPremises(site));
  return isElsewhere ? skipped(`bucket of ${id}`, 'it is on the machine of the site') : checkSiteBucket(id, store);
}
