import { federationKeys } from '../../lib/federation/keys.ts';
import { type Federation, isOnPremises } from '../../lib/federation/schemas.ts';
import type { SiteStore } from '../../lib/storage/contract.ts';
import { storesOf } from '../../lib/storage/stores.ts';
import { checkFederationBucket, checkSiteBucket } from './buckets.ts';
import { checkClock, checkEndpoint, checkIdentity } from './endpoint.ts';
import { attempt, type Finding, skipped, worst } from './finding.ts';
import { checkQueue, queuesOf } from './queues.ts';

/** Whether the environment says how to reach AWS. */
const isForAws = (): boolean =>
  ['AWS_PROFILE', 'AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_WEB_IDENTITY_TOKEN_FILE'].some(
    (name) => process.env[name],
  );

/** Where to look. */
interface Place {
  readonly endpoint?: string | undefined;
  /** Id of the federation. */
  readonly id: string;
  readonly declared: Federation | undefined;
  /** Only this site. */
  readonly site?: string | undefined;
}

const NO_ENDPOINT = 'endpoint';

/** Whether something answers and the credentials are good, so that buckets and queues can be looked at. */
export const isReached = (connection: readonly Finding[]): boolean =>
  worst(connection) !== 'failed' &&
  !connection.some(({ check, status }) => check === NO_ENDPOINT && status === 'skipped');

/** What answers at the endpoint, its clock, and the credentials. */
export async function checkConnection({ endpoint }: Pick<Place, 'endpoint'>): Promise<readonly Finding[]> {
  if (endpoint === undefined && !isForAws()) {
    return [skipped(NO_ENDPOINT, 'none was named (--endpoint), and no AWS_PROFILE or AWS_REGION is set')];
  }
  const { identityOf } = await import('../../lib/aws/identity.ts');
  let region: string | undefined;
  const credentials = await attempt('credentials', async () => {
    const identity = await identityOf({ endpoint });
    region = identity.region;
    return checkIdentity(identity, new Date());
  });
  const url = endpoint ?? (region && `https://s3.${region}.amazonaws.com`);
  const reached = url === undefined ? [] : await checkReached(url, endpoint !== undefined);
  return [...reached, credentials];
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

/** The rights on the buckets, and the queues: of one site, or of every site that has uploaded something. */
export async function checkFederation({ endpoint, site, id, declared }: Place): Promise<readonly Finding[]> {
  const [{ createObjectStorage }, { createQueues }] = await Promise.all([
    import('../../lib/aws/objects.ts'),
    import('../../lib/aws/queues.ts'),
  ]);
  const { federationStore, siteStore } = storesOf(createObjectStorage({ endpoint }), id);
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
    ...(await Promise.all(sites.map((one) => checkSite(one, siteStore(one), declared)))),
    ...(await Promise.all(queuesOf(id, sites, declared).map((queue) => checkQueue(queues, queue)))),
  ];
}

/** The bucket of an on-premises site is on its own machine. */
function checkSite(id: string, store: SiteStore, declared: Federation | undefined): Promise<Finding> | Finding {
  const isElsewhere = declared?.sites.some((site) => site.id === id && isOnPremises(site));
  return isElsewhere ? skipped(`bucket of ${id}`, 'it is on the machine of the site') : checkSiteBucket(id, store);
}
