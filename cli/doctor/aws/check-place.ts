import type { StackTemplate } from '../../../cdk/synthesize.ts';
import { mapConcurrently } from '../../../lib/async.ts';
import type { AccountOptions } from '../../../lib/aws/account/attempt.ts';
import { describeTypes, listZones, offeredIn } from '../../../lib/aws/account/hosts.ts';
import {
  batchUse,
  countBuckets,
  countVpcs,
  functionLimits,
  ownerOf,
  quotaOf,
} from '../../../lib/aws/account/limits.ts';
import { budgetsOf, hasRole, subscriptionsOf } from '../../../lib/aws/account/notices.ts';
import { findImage, parseImageName } from '../../../lib/aws/account/registry.ts';
import { type DeployedStack, listStacks } from '../../../lib/aws/account/stacks.ts';
import { type Finding, skipped } from '../finding.ts';
import { ask } from './ask.ts';
import { type SeenStack, seeStacks } from './deployed.ts';
import { checkHostSizes, checkInstanceTypes, checkSubnetZones, chosenZones } from './hosts.ts';
import { checkBudgets, checkImage, checkServiceRole, checkSubscriptions, SERVICE_ROLES } from './notices.ts';
import {
  type DeployedAt,
  type Needs,
  needsOf,
  onDemandStacksOf,
  reservedConcurrencyOf,
  subnetZonesOf,
} from './plan.ts';
import { checkConcurrency, checkCount, checkFunctionMemory, checkVcpus, increaseTo, vcpuNeeds } from './quotas.ts';
import {
  checkBootstrap,
  checkBucketName,
  checkLeftStacks,
  checkOnDemandStack,
  checkStack,
  checkVersion,
} from './stacks.ts';

/** What is to be checked in one account and region. */
export interface PlaceToCheck extends DeployedAt {
  readonly federation: string;
  /** The stacks that belong there. */
  readonly stacks: readonly StackTemplate[];
  /** Names of all stacks of the federation, in any place. */
  readonly allStacks: ReadonlySet<string>;
}

/** Batch's limits in an account and region, which AWS does not raise (AWS Batch user guide, "Service quotas"). */
const BATCH_LIMIT = 50;

const REQUESTS = 6;

/** Asks AWS about everything that a deployment needs in an account and region, and about what is deployed there. */
export async function checkPlace(options: AccountOptions, place: PlaceToCheck): Promise<readonly Finding[]> {
  const needs = needsOf(place.stacks, place);
  const onDemand = onDemandStacksOf(place.stacks);
  let existing: readonly DeployedStack[] | undefined;
  const listed = await ask(
    'stacks',
    'cloudformation:DescribeStacks',
    () => listStacks(options),
    (stacks) => {
      existing = stacks;
      return [
        checkBootstrap(
          stacks.find(({ name }) => name === 'CDKToolkit'),
          `${place.account}/${place.region}`,
        ),
        ...checkLeftStacks(place.federation, place.allStacks, stacks),
        ...stacks.filter(({ name }) => onDemand.includes(name)).map(checkOnDemandStack),
      ];
    },
  );
  const own = place.stacks.flatMap(({ stackName }) => existing?.find(({ name }) => name === stackName) ?? []);
  const { seen, denied } = await seeStacks(options, own);
  const looks: readonly (() => Promise<readonly Finding[]>)[] = [
    ...quotaLooks(options, needs, seen),
    ...needs.buckets.map((bucket) => () => bucketLook(options, place, bucket, seen, existing !== undefined)),
    ...hostLooks(options, needs),
    ...zoneLooks(options, place, seen),
    ...needs.images.map((image) => () => imageLook(options, place, image, seen)),
    ...topicLooks(options, seen),
    () => ask('budget', 'budgets:ViewBudget', () => budgetsOf(options, place.account), checkBudgets),
  ];
  const found = await mapConcurrently(looks, REQUESTS, (look) => look());
  return [...listed, ...denied, ...stackFindings(place, existing, seen), ...found.flat()];
}

function stackFindings(
  { stacks }: PlaceToCheck,
  existing: readonly DeployedStack[] | undefined,
  seen: readonly SeenStack[],
): readonly Finding[] {
  if (existing === undefined) return [];
  const deployed = new Map(seen.map((stack) => [stack.name, stack]));
  if (deployed.size === 0) return [skipped('stacks', `none of ${stacks.length} is deployed`)];
  return stacks.flatMap((stack) => {
    const one = deployed.get(stack.stackName);
    const found = checkStack(stack.stackName, one);
    return one?.template === undefined ? [found] : [found, checkVersion(stack, one.template)];
  });
}

function quotaLooks(
  options: AccountOptions,
  needs: Needs,
  seen: readonly SeenStack[],
): readonly (() => Promise<readonly Finding[]>)[] {
  const own = (type: string) => seen.flatMap(({ resources }) => resources).filter((one) => one.type === type).length;
  const reserved = reservedConcurrencyOf(seen.map(({ name, template }) => ({ stackName: name, template })));
  const quota = (service: string, code: string) => quotaOf(options, service, code);
  const count = (check: string, type: string, used: number, limit: number | undefined, cure: string) =>
    checkCount({ check, used, own: own(type), needed: needs.count(type), limit, cure });
  const fewer = 'Put sites into accounts of their own, or into another region.';
  return [
    () =>
      ask(
        'quota Concurrent executions (Lambda)',
        'lambda:GetAccountSettings',
        () => functionLimits(options),
        (limits) => checkConcurrency(needs, limits, reserved),
      ),
    async () => [checkFunctionMemory(needs.largestFunction)],
    ...vcpuNeeds(needs.environments).map(
      (need) => () =>
        ask(
          `quota ${need.name}`,
          'servicequotas:GetServiceQuota',
          () => quota('ec2', need.code),
          (given) => checkVcpus(need, given),
        ),
    ),
    () =>
      ask(
        'quota Batch',
        'batch:DescribeComputeEnvironments',
        () => batchUse(options),
        ({ environments, queues }) => [
          count('compute environments', 'AWS::Batch::ComputeEnvironment', environments, BATCH_LIMIT, fewer),
          count('job queues', 'AWS::Batch::JobQueue', queues, BATCH_LIMIT, fewer),
        ],
      ),
    () =>
      ask(
        'quota VPCs per Region',
        'ec2:DescribeVpcs',
        async () => [await countVpcs(options), await quota('vpc', 'L-F678F1CE')] as const,
        ([used, limit]) =>
          count('quota VPCs per Region', 'AWS::EC2::VPC', used, limit, increaseTo('vpc', 'L-F678F1CE', used + 1)),
      ),
    () =>
      ask(
        'quota Interface VPC endpoints per VPC',
        'servicequotas:GetServiceQuota',
        () => quota('vpc', 'L-29B6F2EB'),
        (limit) =>
          checkCount({
            check: 'quota Interface VPC endpoints per VPC',
            used: 0,
            own: 0,
            needed: needs.interfaceEndpoints,
            limit,
            cure: increaseTo('vpc', 'L-29B6F2EB', needs.interfaceEndpoints),
          }),
      ),
    () =>
      ask(
        'quota buckets',
        's3:ListAllMyBuckets',
        async () => [await countBuckets(options), await bucketLimit(options)] as const,
        ([used, limit]) => {
          const needed = needs.count('AWS::S3::Bucket');
          return count('quota buckets', 'AWS::S3::Bucket', used, limit, increaseTo('s3', 'L-DC2B2D3D', used + needed));
        },
      ),
    ...SERVICE_ROLES.map(
      (role) => () =>
        ask(
          `role ${role.name}`,
          'iam:GetRole',
          () => hasRole(options, role.name),
          (exists) => checkServiceRole(role, exists),
        ),
    ),
  ];
}

/** S3's quota of buckets holds for all regions, and is read in one. */
const bucketLimit = (options: AccountOptions): Promise<number | undefined> =>
  quotaOf({ ...options, region: 'us-east-1' }, 's3', 'L-DC2B2D3D');

/** @param isKnown whether the stacks could be listed */
function bucketLook(
  options: AccountOptions,
  place: PlaceToCheck,
  bucket: string,
  seen: readonly SeenStack[],
  isKnown: boolean,
): Promise<readonly Finding[]> {
  const isDeployed = seen.some(({ resources }) => resources.some(({ physicalId }) => physicalId === bucket));
  return ask(
    `bucket ${bucket}`,
    's3:ListBucket',
    () => ownerOf(options, bucket, place.account),
    (owner) => checkBucketName(bucket, owner, isKnown ? isDeployed : owner === 'account'),
  );
}

function hostLooks(options: AccountOptions, needs: Needs): readonly (() => Promise<readonly Finding[]>)[] {
  const types = [...new Set(needs.environments.flatMap(({ instanceTypes }) => instanceTypes))];
  if (types.length === 0) return [];
  return [
    () =>
      ask(
        'instance types',
        'ec2:DescribeInstanceTypeOfferings',
        async () => [await listZones(options), await offeredIn(options, types)] as const,
        ([zones, offered]) => {
          const chosen = chosenZones(needs.zones, zones);
          return checkInstanceTypes(needs.environments, chosen.length > 0 ? chosen : zones, offered);
        },
      ),
    () =>
      ask(
        'sizes of hosts',
        'ec2:DescribeInstanceTypes',
        async () => {
          const offered = await offeredIn(options, types);
          return describeTypes(
            options,
            types.filter((type) => offered.get(type)?.length),
          );
        },
        (known) => checkHostSizes(needs.environments, known),
      ),
  ];
}

/** Only for networks that are deployed: any zones can be chosen before. */
function zoneLooks(
  options: AccountOptions,
  { stacks }: PlaceToCheck,
  seen: readonly SeenStack[],
): readonly (() => Promise<readonly Finding[]>)[] {
  return stacks.flatMap(({ stackName, template }) => {
    const planned = subnetZonesOf(template);
    const deployed = subnetZonesOf(seen.find(({ name }) => name === stackName)?.template);
    if (planned.size === 0 || deployed.size === 0) return [];
    return [
      () =>
        ask(
          `zones of ${stackName}`,
          'ec2:DescribeAvailabilityZones',
          () => listZones(options),
          (all) => checkSubnetZones(stackName, planned, deployed, all),
        ),
    ];
  });
}

async function imageLook(
  options: AccountOptions,
  { stacks }: PlaceToCheck,
  image: string,
  seen: readonly SeenStack[],
): Promise<readonly Finding[]> {
  const name = parseImageName(image);
  if (!name) return [skipped(`image ${image}`, 'it is not in ECR')];
  const isPlanned = stacks.some(({ template }) => JSON.stringify(template).includes('"AWS::ECR::Repository"'));
  const isDeployed = seen.some(({ resources }) => resources.some(({ type }) => type === 'AWS::ECR::Repository'));
  return ask(
    `image ${name.repository}:${name.tag ?? name.digest}`,
    'ecr:DescribeImages',
    () => findImage(options, name),
    (stored) => checkImage(name, stored, isDeployed || !isPlanned),
  );
}

const topicLooks = (
  options: AccountOptions,
  seen: readonly SeenStack[],
): readonly (() => Promise<readonly Finding[]>)[] =>
  seen.flatMap(({ name, resources }) =>
    resources
      .filter(({ type }) => type === 'AWS::SNS::Topic')
      .map(
        ({ physicalId }) =>
          () =>
            ask(
              `alarms of ${name}`,
              'sns:ListSubscriptionsByTopic',
              () => subscriptionsOf(options, physicalId),
              (found) => checkSubscriptions(name, physicalId, found),
            ),
      ),
  );
