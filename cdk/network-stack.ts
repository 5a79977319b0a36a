import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { type App, Aws, Fn, Stack, type StackProps } from 'aws-cdk-lib/core';
import type { Federation } from '../lib/federation/schemas.ts';
import { names, type Place, placeOf } from '../lib/federation/topology.ts';
import { addAlarmTopic } from './alarm-topic.ts';
import { accountOf } from './arns.ts';
import { logKeyOf } from './keys.ts';
import { type Location, locationsOf } from './locations.ts';
import type { Network } from './network.ts';
import { addOnDemandEndpoints } from './on-demand-endpoints.ts';
import { addOutputs } from './outputs.ts';
import { environmentOf, KEPT, withoutBootstrapRule } from './stack-options.ts';
import { addSubscribers } from './subscribers.ts';

/** For a stack with an account, the CDK would look up the availability zones, which needs credentials. */
class NetworkStack extends Stack {
  readonly #zones: readonly string[] | undefined;

  constructor(
    app: App,
    name: string,
    { zones, ...props }: StackProps & { readonly zones: readonly string[] | undefined },
  ) {
    super(app, name, props);
    this.#zones = zones;
  }

  override get availabilityZones(): string[] {
    return this.#zones ? [...this.#zones] : [0, 1].map((index) => Fn.select(index, Fn.getAzs()));
  }
}

/** Zones that somebody in this account and region names, or the federation for its region. Default: the first two. */
const zonesOf = (federation: Federation, { place, owners }: Location): readonly string[] | undefined =>
  owners.find((owner) => owner?.zones)?.zones ?? (place.region === federation.region ? federation.zones : undefined);

/**
 * The network of a federation in one account and region. It has no internet: no internet gateway, no NAT, no public
 * addresses. The sites there share it, and its endpoints, which exist while jobs need them. Hosts are not shared, and security
 * groups allow nothing incoming.
 */
function addNetworkStack(app: App, federation: Federation, here: Location, handlers: string): Network {
  const { place, stackName, owners } = here;
  const isHome = owners.includes(undefined);
  const stack = new NetworkStack(app, stackName('network'), {
    zones: zonesOf(federation, here),
    ...environmentOf(place),
    description: `fedcardio: network without internet of federation ${federation.id}`,
    synthesizer: withoutBootstrapRule(),
  });
  const network = new ec2.Vpc(stack, 'Vpc', {
    ipAddresses: ec2.IpAddresses.cidr('10.64.0.0/16'),
    maxAzs: stack.availabilityZones.length,
    natGateways: 0,
    subnetConfiguration: [{ name: 'Tasks', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 20 }],
    // The default group is unused. Emptying it would require a function.
    restrictDefaultSecurityGroup: false,
  });
  // The library's classes do not match its interfaces under exactOptionalPropertyTypes.
  const vpc = network as ec2.IVpc;
  const logKey = logKeyOf(stack, federation, owners[0]);
  const flows = new logs.LogGroup(stack, 'FlowLog', {
    retention: logs.RetentionDays.ONE_YEAR,
    removalPolicy: KEPT,
    ...(logKey ? { encryptionKey: logKey } : {}),
  });
  network.addFlowLog('Flows', { destination: ec2.FlowLogDestination.toCloudWatchLogs(flows) });

  const securityGroup = new ec2.SecurityGroup(stack, 'Tasks', {
    vpc,
    description: 'Tasks and functions: HTTPS to endpoints, nothing in',
    allowAllOutbound: false,
  });
  // S3's addresses differ by region. Without an internet gateway, no other address can be reached.
  securityGroup.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'Endpoints and S3');
  const endpoints = new ec2.SecurityGroup(stack, 'EndpointsGroup', {
    vpc,
    description: 'Interface endpoints: HTTPS from tasks and functions',
    allowAllOutbound: false,
  });
  endpoints.addIngressRule(securityGroup, ec2.Port.tcp(443), 'Tasks and functions');

  const accounts = [...new Set([stack.account, accountOf(stack, placeOf(federation))])];
  const s3 = network.addGatewayEndpoint('S3', { service: ec2.GatewayVpcEndpointAwsService.S3 });
  for (const statement of s3Statements(federation.id, accounts)) s3.addToPolicy(statement);
  const topic = addAlarmTopic(stack, logKey) as sns.ITopic;
  addSubscribers(topic, isHome ? federation.subscribers : owners.flatMap((owner) => owner?.subscribers ?? []));
  addOutputs(stack, { AlarmTopicArn: topic.topicArn });
  // One zone, which the others can reach: each further zone would cost the same again.
  const [subnet] = network.isolatedSubnets as [ec2.ISubnet];
  addOnDemandEndpoints(stack, {
    federation: federation.id,
    functionName: names.endpointsRole(federation.id, isHome ? undefined : place.region),
    handlers,
    vpc: network,
    subnet,
    securityGroup: endpoints,
    accounts,
    logKey,
    topic,
    reserved: federation.reservedConcurrency,
    tags: federation.tags,
  });
  const { region } = placeOf(federation);
  if (region !== undefined && place.region !== region) {
    // A gateway endpoint reaches only buckets of its own region. This one always exists: intake needs it, too.
    const remote = network.addInterfaceEndpoint('FederationS3', {
      service: new ec2.InterfaceVpcEndpointService(`com.amazonaws.${region}.s3`, 443),
      subnets: { subnets: [subnet] },
      securityGroups: [endpoints],
      open: false,
      privateDnsEnabled: true,
      serviceRegion: region,
    });
    for (const statement of s3Statements(federation.id, accounts)) remote.addToPolicy(statement);
  }
  return { vpc, securityGroup };
}

/**
 * The S3 objects that can be reached: the federation's buckets in its own accounts, and the layers of container images.
 * With any credentials, code in this network cannot write to another bucket.
 */
function s3Statements(federation: string, accounts: string[]): iam.PolicyStatement[] {
  const principals = [new iam.StarPrincipal()];
  const buckets = [`${federation}-site-*`, `${federation}-federation`].map(
    (name) => `arn:${Aws.PARTITION}:s3:::${name}`,
  );
  return [
    new iam.PolicyStatement({
      principals,
      actions: [
        's3:GetObject',
        's3:PutObject',
        's3:AbortMultipartUpload',
        's3:DeleteObject',
        's3:DeleteObjectVersion',
        's3:ListBucket',
        's3:ListBucketVersions',
      ],
      resources: buckets.flatMap((arn) => [arn, `${arn}/*`]),
      conditions: { StringEquals: { 'aws:ResourceAccount': accounts } },
    }),
    new iam.PolicyStatement({
      principals,
      actions: ['s3:GetObject'],
      resources: [`arn:${Aws.PARTITION}:s3:::prod-${Aws.REGION}-starport-layer-bucket/*`],
    }),
  ];
}

/**
 * Adds a network for each account and region of the federation where GPU tasks run, and returns them by place.
 *
 * @param handlers the folder of the bundles that `npm run build` makes
 */
export function addNetworks(app: App, federation: Federation, handlers: string): (place: Place) => Network {
  const keyOf = ({ account, region }: Place) => `${account}/${region}`;
  const networks = new Map(
    locationsOf(federation).map((here) => [keyOf(here.place), addNetworkStack(app, federation, here, handlers)]),
  );
  return (place) => networks.get(keyOf(place)) as Network;
}
