import * as cloudtrail from 'aws-cdk-lib/aws-cloudtrail';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { type App, Stack } from 'aws-cdk-lib/core';
import { type BucketSpec, names, type Place, type Topology } from '../lib/federation/topology.ts';
import { guardLogs } from './bucket-guards.ts';
import { LOGS_BUCKET } from './data-stack.ts';
import { type Location, locationsOf } from './locations.ts';
import { environmentOf, withoutBootstrapRule } from './stack-options.ts';

/**
 * Adds a trail for each account and region: CloudTrail allows five there and raises no quota, so that buckets cannot have one
 * each. The trail names its buckets, which need not exist.
 *
 * @returns the stack of the trail of a place, which compute stacks there are deployed after. None without `trail`
 */
export function addTrailStacks(app: App, { federation, buckets }: Topology): (place: Place) => Stack | undefined {
  if (!federation.trail) return () => undefined;
  const isDeployed = ({ site }: BucketSpec) => site !== undefined || federation.onlySite === undefined;
  const keyOf = ({ account, region }: Place) => `${account}/${region}`;
  const stacks = new Map(
    locationsOf(federation).flatMap(({ place, stackName }) => {
      const own = buckets.filter((bucket) => keyOf(bucket) === keyOf(place) && isDeployed(bucket));
      if (own.length === 0) return [];
      const stack = new Stack(app, nameOf(federation, stackName), {
        ...environmentOf(place),
        description: `fedcardio: records of reads and writes in the buckets of ${federation.id} in this account and region`,
        terminationProtection: true,
        synthesizer: withoutBootstrapRule(),
      });
      const logs = new s3.Bucket(stack, 'Logs', LOGS_BUCKET);
      addTrail(stack, own, logs);
      guardLogs(logs, federation);
      // Earlier releases made a trail for each bucket. One has to be gone before this one fits into CloudTrail's limit.
      const first = own.find(({ site }) => site === undefined) ?? (own[0] as BucketSpec);
      stack.addStackDependency(app.node.findChild(names.dataStack(first.name)) as Stack);
      return [[keyOf(place), stack] as const];
    }),
  );
  return (place) => stacks.get(keyOf(place));
}

/** A site's own file does not know the other buckets of its account: its trail must not take the place of theirs. */
const nameOf = ({ id, onlySite }: Topology['federation'], stackName: Location['stackName']): string =>
  onlySite === undefined ? stackName('trail') : names.trailStack(names.siteBucket(id, onlySite));

/**
 * Records every read and write of the buckets' objects, with who did it. Unlike the access log, it misses none.
 *
 * @param logs where the records are written, and expire like access logs
 */
function addTrail(stack: Stack, buckets: readonly BucketSpec[], logs: s3.Bucket): void {
  const trail = new cloudtrail.Trail(stack, 'Trail', {
    bucket: logs as s3.IBucket,
    s3KeyPrefix: 'trail',
    isMultiRegionTrail: false,
    includeGlobalServiceEvents: false,
    // The account's own trail, if there is one, has these. A second copy would cost money.
    managementEvents: cloudtrail.ReadWriteType.NONE,
  });
  trail.addS3EventSelector(
    buckets.map(({ name }) => ({ bucket: s3.Bucket.fromBucketName(stack, name, name) })),
    { includeManagementEvents: false },
  );
}
