import * as batch from 'aws-cdk-lib/aws-batch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Duration, Size, type Stack, Validations } from 'aws-cdk-lib/core';
import { EXIT as EXIT_CODES } from '../lib/federation/exit-codes.ts';
import type { GpuTaskImage } from './gpu-task-image.ts';
import type { Network } from './network-stack.ts';

export interface GpuTaskQueueOptions {
  /** Name of the job queue and of the job definition. */
  readonly name: string;
  readonly image: GpuTaskImage;
  readonly instanceTypes: readonly string[];
  readonly maxVcpus: number;
  /** vCPUs and memory of a job: slightly less than the smallest instance has. */
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly gpus: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly jobRole: iam.IRole;
  readonly network: Network;
  readonly logKey: kms.IKey;
}

export interface GpuTaskQueue {
  readonly queue: batch.JobQueue;
  readonly definition: batch.EcsJobDefinition;
}

/** The most attempts that Batch allows. After a reclaimed spot host, the GPU task resumes from its checkpoint. */
const ATTEMPTS = 10;
/** A job without a host for this long fails, and its round continues without the site. */
const STUCK = Duration.hours(1);
/** Longer than any round: each job is submitted with its round's own, shorter time-out. */
const TIMEOUT = Duration.days(7);

/**
 * A job queue with its own hosts: spot if available, otherwise on demand, and none while there are no jobs. No other
 * queue uses these compute environments, so that hosts are not shared.
 */
export function addGpuTaskQueue(stack: Stack, options: GpuTaskQueueOptions): GpuTaskQueue {
  const { name, network, logKey } = options;
  const launchTemplate = new ec2.LaunchTemplate(stack, 'Host', {
    requireImdsv2: true,
    // A container is one hop further than its host, so that it cannot get the host's role.
    httpPutResponseHopLimit: 1,
    instanceMetadataTags: false,
    blockDevices: [
      {
        deviceName: '/dev/xvda',
        volume: ec2.BlockDeviceVolume.ebs(100, { encrypted: true, volumeType: ec2.EbsDeviceVolumeType.GP3 }),
      },
    ],
  });
  const instanceRole = addInstanceRole(stack);
  const environment = (id: string, spot: boolean) =>
    new batch.ManagedEc2EcsComputeEnvironment(stack, id, {
      vpc: network.vpc,
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
      securityGroups: [network.securityGroup],
      instanceTypes: options.instanceTypes.map((type) => new ec2.InstanceType(type)),
      useOptimalInstanceClasses: false,
      images: [
        {
          imageType:
            options.gpus > 0 ? batch.EcsMachineImageType.ECS_AL2023_NVIDIA : batch.EcsMachineImageType.ECS_AL2023,
        },
      ],
      instanceRole,
      launchTemplate,
      minvCpus: 0,
      maxvCpus: options.maxVcpus,
      spot,
      allocationStrategy: spot
        ? batch.AllocationStrategy.SPOT_PRICE_CAPACITY_OPTIMIZED
        : batch.AllocationStrategy.BEST_FIT_PROGRESSIVE,
    });
  const queue = new batch.JobQueue(stack, 'JobQueue', {
    jobQueueName: name,
    computeEnvironments: [environment('Spot', true), environment('OnDemand', false)].map(
      (computeEnvironment, index) => ({ computeEnvironment, order: index + 1 }),
    ),
    jobStateTimeLimitActions: Object.values(batch.JobStateTimeLimitActionsReason).map((reason) => ({
      reason,
      maxTime: STUCK,
      state: batch.JobStateTimeLimitActionsState.RUNNABLE,
      action: batch.JobStateTimeLimitActionsAction.CANCEL,
    })),
  });
  return { queue, definition: addDefinition(stack, options, logKey) };
}

function addDefinition(stack: Stack, options: GpuTaskQueueOptions, logKey: kms.IKey): batch.EcsJobDefinition {
  const logGroup = new logs.LogGroup(stack, 'TaskLog', {
    retention: logs.RetentionDays.ONE_YEAR,
    encryptionKey: logKey,
  });
  const linuxParameters = new batch.LinuxParameters(stack, 'Linux');
  linuxParameters.addTmpfs({
    containerPath: '/tmp',
    size: Size.gibibytes(1),
    mountOptions: [ecs.TmpfsMountOption.RW, ecs.TmpfsMountOption.NOSUID, ecs.TmpfsMountOption.NODEV],
  });
  const { RETRY, EXIT } = batch.Action;
  const exitCode = (onExitCode: string) => batch.Reason.custom({ onExitCode });
  const container = addContainer(stack, options, linuxParameters, logGroup);
  return new batch.EcsJobDefinition(stack, 'JobDefinition', {
    jobDefinitionName: options.name,
    retryAttempts: ATTEMPTS,
    retryStrategies: [
      batch.RetryStrategy.of(RETRY, batch.Reason.SPOT_INSTANCE_RECLAIMED),
      ...[EXIT_CODES.retry, EXIT_CODES.outage, EXIT_CODES.interrupted].map((code) =>
        batch.RetryStrategy.of(RETRY, exitCode(String(code))),
      ),
      batch.RetryStrategy.of(EXIT, batch.Reason.custom({ onReason: '*' })),
    ],
    timeout: TIMEOUT,
    container,
  });
}

function addContainer(
  stack: Stack,
  options: GpuTaskQueueOptions,
  linuxParameters: batch.LinuxParameters,
  logGroup: logs.LogGroup,
): batch.EcsEc2ContainerDefinition {
  const executionRole = new iam.Role(stack, 'ExecutionRole', {
    assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com'),
    description: 'Pulls the image and opens the log before the GPU task starts',
    inlinePolicies: { Pull: new iam.PolicyDocument({ statements: pullStatements(options.image) }) },
  });
  const container = new batch.EcsEc2ContainerDefinition(stack, 'Task', {
    image: ecs.ContainerImage.fromRegistry(options.image.uri),
    cpu: options.vcpus,
    memory: Size.mebibytes(options.memoryMib),
    ...(options.gpus > 0 ? { gpu: options.gpus } : {}),
    environment: { ...options.environment },
    jobRole: options.jobRole,
    executionRole,
    logging: ecs.LogDriver.awsLogs({ streamPrefix: 'task', logGroup }),
    linuxParameters,
    readonlyRootFilesystem: true,
    privileged: false,
    user: '1000',
  });
  Validations.of(container).acknowledge({
    id: 'Annotation::@aws-cdk/aws-ecs:ecrImageRequiresPolicy',
    reason: 'The execution role may pull this repository.',
  });
  return container;
}

/** Permission to pull from this repository only. ECR's token cannot be limited to one repository. */
const pullStatements = ({ repositoryArn }: GpuTaskImage): iam.PolicyStatement[] => [
  new iam.PolicyStatement({ actions: ['ecr:GetAuthorizationToken'], resources: ['*'] }),
  new iam.PolicyStatement({
    actions: ['ecr:BatchCheckLayerAvailability', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchGetImage'],
    resources: [repositoryArn],
  }),
];

/** The ECS agent's role. AWS's managed policy would also allow to create clusters and to read every repository. */
function addInstanceRole(stack: Stack): iam.Role {
  const cluster = {
    ArnLike: { 'ecs:cluster': `arn:${stack.partition}:ecs:${stack.region}:${stack.account}:cluster/*` },
  };
  const allow = (actions: string[], conditions = {}) =>
    new iam.PolicyStatement({ actions, resources: ['*'], conditions });
  return new iam.Role(stack, 'HostRole', {
    assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
    description: 'The ECS agent on a host of GPU tasks',
    inlinePolicies: {
      Agent: new iam.PolicyDocument({
        statements: [
          allow([
            'ecs:DiscoverPollEndpoint',
            'ecs:RegisterContainerInstance',
            'ecs:DeregisterContainerInstance',
            'ecs:SubmitContainerStateChange',
            'ecs:SubmitTaskStateChange',
            'ecs:SubmitAttachmentStateChanges',
          ]),
          allow(['ecs:Poll', 'ecs:StartTelemetrySession', 'ecs:UpdateContainerInstancesState'], cluster),
        ],
      }),
    },
  });
}
