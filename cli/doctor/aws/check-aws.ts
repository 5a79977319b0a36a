import type { StackTemplate } from '../../../cdk/synthesize.ts';
import type { AccountOptions } from '../../../lib/aws/account/attempt.ts';
import { callerOf } from '../../../lib/aws/account/caller.ts';
import type { Federation } from '../../../lib/federation/schemas.ts';
import { topologyOf } from '../../../lib/federation/topology.ts';
import { groupBy } from '../../../lib/group-by.ts';
import { type Identities, type Identity, identify } from '../../accounts/identify.ts';
import { attempt, type Finding, failed, ok, skipped } from '../finding.ts';
import { checkPlace } from './check-place.ts';
import { onDemandStacksOf } from './plan.ts';

/** The findings about an account and region, `<account>/<region>`. */
export interface PlaceReport {
  readonly place: string;
  readonly findings: readonly Finding[];
}

export interface AwsChecks {
  readonly endpoint?: string | undefined;
  /** Profiles of ~/.aws/config, each for an account. None: the environment's identity. */
  readonly profiles: readonly string[];
}

/** Checks every account and region of a federation that the identities reach. */
export async function checkAws(
  federation: Federation,
  { endpoint, profiles }: AwsChecks,
): Promise<readonly PlaceReport[]> {
  const { synthesizeStacks } = await import('../../../cdk/synthesize-stacks.ts');
  const { identities, refused } = await identify(profiles, endpoint);
  const [first] = identities;
  const problems =
    refused.length > 0 ? [{ place: 'credentials', findings: await Promise.all(refused.map(refusal)) }] : [];
  if (!first) return problems;
  const stacks = synthesizeStacks(topologyOf(federation));
  const byPlace = groupBy(stacks, ({ account, region }) => `${account ?? first.account}/${region ?? first.region}`);
  const allStacks = new Set([...stacks.map(({ stackName }) => stackName), ...onDemandStacksOf(stacks)]);
  const reports: PlaceReport[] = [...problems];
  const isAnyReached = [...byPlace.keys()].some((place) =>
    identities.some(({ account }) => place.startsWith(`${account}/`)),
  );
  for (const [place, own] of byPlace) {
    const [account = '', region = ''] = place.split('/');
    const caller = identities.find((one) => one.account === account);
    const findings = caller
      ? await checkReached({ endpoint, region, profile: caller.profile }, caller, {
          federation: federation.id,
          account,
          region,
          stacks: own,
          allStacks,
        })
      : [notReached(account, own, isAnyReached)];
    reports.push({ place, findings });
  }
  return reports;
}

/** No failure if another account was checked, since hospitals check their own. */
function notReached(account: string, stacks: readonly StackTemplate[], isAnyReached: boolean): Finding {
  const found = `no identity of account ${account}, which has ${stacks.length} stacks`;
  const cure = 'add --profile NAME with a profile for it';
  return isAnyReached
    ? skipped('credentials', `${found}: ${cure}`)
    : failed('credentials', found, `Nothing was checked: ${cure}.`);
}

async function checkReached(
  options: AccountOptions,
  { arn, account }: Identity,
  place: Parameters<typeof checkPlace>[1],
): Promise<readonly Finding[]> {
  // A region that the account has not enabled does not know its identities.
  const reached = await attempt('credentials', async () => {
    const here = await callerOf(options);
    return here.account === account
      ? ok('credentials', `${arn} in ${place.region}`)
      : failed('credentials', `${here.arn} is of another account than ${account}`, 'Check the profile.');
  });
  if (reached.status === 'failed') {
    const cure = `${reached.cure} If the region is one to opt in to (such as eu-south-2), enable it for the account.`;
    return [{ ...reached, cure }];
  }
  return [reached, ...(await checkPlace(options, place))];
}

const refusal = ({ profile, error }: Identities['refused'][number]): Promise<Finding> =>
  attempt(profile === undefined ? 'credentials' : `profile ${profile}`, () => Promise.reject(error));
