import * as batch from 'aws-cdk-lib/aws-batch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import { Duration, type Stack } from 'aws-cdk-lib/core';
import { COMPUTE_ENVIRONMENTS, type Spot } from './batch-limits.ts';
import { addHostRole, addHostTemplate } from './gpu-host.ts';
import { addGpuTaskDefinition, type GpuTaskDefinitionOptions } from './gpu-task-definition.ts';
import type { Network } from './network.ts';

export interface GpuTaskQueueOptions extends GpuTaskDefinitionOptions {
  /** Also the name of the job queue, and the start of the names of its compute environments. */
  readonly name: string;
  readonly instanceTypes: readonly string[];
  readonly maxVcpus: number;
  readonly spot: Spot;
  readonly network: Network;
}

export interface GpuTaskQueue {
  readonly queue: batch.JobQueue;
  readonly definition: batch.EcsJobDefinition;
}

/** A job without a host for this long fails, and its round continues without the site. */
const STUCK = Duration.hours(1);
/** The longest that Batch lets jobs finish on hosts that it replaces. Those that take longer resume from a checkpoint. */
const UPDATE_TIMEOUT = Duration.hours(6);

/**
 * A job queue with its own hosts, none while there are no jobs. No other queue uses these compute environments, so that
 * hosts are not shared.
 */
export function addGpuTaskQueue(stack: Stack, options: GpuTaskQueueOptions): GpuTaskQueue {
  const kinds = COMPUTE_ENVIRONMENTS[String(options.spot) as `${Spot}`];
  const nameOf = (kind: (typeof kinds)[number]) => `${options.name}-${kind}`;
  const launchTemplate = addHostTemplate(stack);
  const instanceRole = addHostRole(stack, kinds.map(nameOf));
  const computeEnvironments = kinds.map((kind, index) => ({
    computeEnvironment: addComputeEnvironment(stack, options, {
      isSpot: kind === 'spot',
      name: nameOf(kind),
      launchTemplate,
      instanceRole,
    }),
    order: index + 1,
  }));
  const queue = new batch.JobQueue(stack, 'JobQueue', {
    jobQueueName: options.name,
    computeEnvironments,
    jobStateTimeLimitActions: Object.values(batch.JobStateTimeLimitActionsReason).map((reason) => ({
      reason,
      maxTime: STUCK,
      state: batch.JobStateTimeLimitActionsState.RUNNABLE,
      action: batch.JobStateTimeLimitActionsAction.CANCEL,
    })),
  });
  return { queue, definition: addGpuTaskDefinition(stack, options) };
}

interface Hosts {
  readonly isSpot: boolean;
  readonly name: string;
  readonly launchTemplate: ec2.LaunchTemplate;
  readonly instanceRole: iam.IRole;
}

function addComputeEnvironment(
  stack: Stack,
  { network, instanceTypes, gpus, maxVcpus }: GpuTaskQueueOptions,
  { isSpot, name, launchTemplate, instanceRole }: Hosts,
): batch.ManagedEc2EcsComputeEnvironment {
  const environment = new batch.ManagedEc2EcsComputeEnvironment(stack, isSpot ? 'Spot' : 'OnDemand', {
    computeEnvironmentName: name,
    vpc: network.vpc,
    vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
    securityGroups: [network.securityGroup],
    instanceTypes: instanceTypes.map((type) => new ec2.InstanceType(type)),
    useOptimalInstanceClasses: false,
    images: [
      { imageType: gpus > 0 ? batch.EcsMachineImageType.ECS_AL2023_NVIDIA : batch.EcsMachineImageType.ECS_AL2023 },
    ],
    instanceRole,
    launchTemplate,
    minvCpus: 0,
    maxvCpus: maxVcpus,
    spot: isSpot,
    // Batch replaces hosts in place only with these strategies.
    allocationStrategy: isSpot
      ? batch.AllocationStrategy.SPOT_PRICE_CAPACITY_OPTIMIZED
      : batch.AllocationStrategy.BEST_FIT_PROGRESSIVE,
    replaceComputeEnvironment: false,
    updateToLatestImageVersion: true,
    terminateOnUpdate: false,
    updateTimeout: UPDATE_TIMEOUT,
  });
  // Without a version, Batch keeps the first one. With `$Latest`, no deployment would make it look for a later one.
  (environment.node.defaultChild as batch.CfnComputeEnvironment).addPropertyOverride(
    'ComputeResources.LaunchTemplate.Version',
    launchTemplate.latestVersionNumber,
  );
  return environment;
}
