import { FedcardioError } from '../lib/error.ts';
import { type Federation, isOnPremises, type Site } from '../lib/federation/schemas.ts';
import { type Place, placeOf } from '../lib/federation/topology.ts';

/** Whether hosts are spot instances: `true`: on demand if there are none, `'only'`: else the jobs wait, `false`: never. */
export type Spot = NonNullable<NonNullable<Site['gpu']>['spot']>;

/** The compute environments of a job queue, in the order in which Batch tries them. */
export const COMPUTE_ENVIRONMENTS = {
  true: ['spot', 'on-demand'],
  only: ['spot'],
  false: ['on-demand'],
} as const satisfies Record<`${Spot}`, readonly string[]>;

/** Most compute environments, and most job queues, of an account in a region. AWS raises neither (Batch, "Service quotas"). */
const LIMIT = 50;
/** Merges have a job queue with one compute environment. */
const MERGES = { environments: 1, queues: 1 };

/** The number of compute environments of a site on AWS. */
const environmentsOf = ({ gpu }: Site): number => COMPUTE_ENVIRONMENTS[String(gpu?.spot ?? true) as `${Spot}`].length;

/**
 * Refuses a federation with more compute environments or job queues in one account and region than AWS Batch allows. Sites
 * cannot share them: their hosts would be shared, too.
 *
 * @throws FedcardioError BAD_CONFIGURATION
 */
export function checkBatchLimits(federation: Federation): void {
  const nameOf = ({ account, region }: Place) =>
    account === undefined ? "the deployer's account and region" : `account ${account}, region ${region}`;
  const coordinator = nameOf(placeOf(federation));
  const sitesAt = new Map<string, Site[]>([[coordinator, []]]);
  for (const site of federation.sites.filter((site) => !isOnPremises(site))) {
    const at = nameOf(placeOf(federation, site));
    sitesAt.set(at, [...(sitesAt.get(at) ?? []), site]);
  }
  for (const [at, sites] of sitesAt) {
    const own = at === coordinator ? MERGES : { environments: 0, queues: 0 };
    const environments = sites.reduce((sum, site) => sum + environmentsOf(site), own.environments);
    const queues = sites.length + own.queues;
    if (environments <= LIMIT && queues <= LIMIT) continue;
    const fitting = (each: number) => Math.min(Math.floor((LIMIT - own.environments) / each), LIMIT - own.queues);
    throw new FedcardioError(
      'BAD_CONFIGURATION',
      `The ${sites.length} sites in ${at} need ${environments} compute environments and ${queues} job queues of AWS Batch, which allows ${LIMIT} of each in an account and region and raises neither.`,
      {
        hint: `Give sites accounts of their own ("account" and "region"), or run some on-premises ("place"). ${fitting(2)} sites fit in one account and region; ${fitting(1)} if their "gpu" has "spot": false or "spot": "only", which needs one compute environment instead of two.`,
      },
    );
  }
}
