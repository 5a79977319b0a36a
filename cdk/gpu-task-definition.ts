import * as batch from 'aws-cdk-lib/aws-batch';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Duration, Size, type Stack, Validations } from 'aws-cdk-lib/core';
import { EXIT as EXIT_CODES } from '../lib/federation/exit-codes.ts';
import type { GpuTaskImage } from './gpu-task-image.ts';
import { KEPT } from './stack-options.ts';

export interface GpuTaskDefinitionOptions {
  /** Name of the job definition. */
  readonly name: string;
  readonly image: GpuTaskImage;
  /** vCPUs and memory of a job: slightly less than the smallest instance has. */
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly gpus: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly jobRole: iam.IRole;
  readonly logKey: kms.IKey | undefined;
}

/** The most attempts that Batch allows. After a reclaimed spot host, the GPU task resumes from its checkpoint. */
const ATTEMPTS = 10;
/** Longer than any round: each job is submitted with its round's own, shorter time-out. */
const TIMEOUT = Duration.days(7);

const { RETRY, EXIT } = batch.Action;

/**
 * Which failed attempts are retried: the first of these rules that matches decides, and Batch retries what none matches
 * (user guide, "Automated job retries"). It allows five. So a host that is lost, an image that is pulled too slowly, Docker
 * that does not answer, {@link EXIT_CODES.retry}, `outage` and `interrupted` are retried. What fails in the same way every
 * time is not.
 */
const RETRIES = [
  batch.RetryStrategy.of(RETRY, batch.Reason.SPOT_INSTANCE_RECLAIMED),
  batch.RetryStrategy.of(RETRY, batch.Reason.custom({ onReason: 'CannotPull*' })),
  batch.RetryStrategy.of(EXIT, batch.Reason.custom({ onReason: 'OutOfMemoryError*' })),
  batch.RetryStrategy.of(EXIT, batch.Reason.custom({ onExitCode: String(EXIT_CODES.badMessage) })),
  // SIGABRT: V8 or the tensor library has no memory.
  batch.RetryStrategy.of(EXIT, batch.Reason.custom({ onExitCode: '134' })),
];

export function addGpuTaskDefinition(stack: Stack, options: GpuTaskDefinitionOptions): batch.EcsJobDefinition {
  return new batch.EcsJobDefinition(stack, 'JobDefinition', {
    jobDefinitionName: options.name,
    retryAttempts: ATTEMPTS,
    retryStrategies: RETRIES,
    timeout: TIMEOUT,
    container: addContainer(stack, options),
  });
}

function addContainer(stack: Stack, options: GpuTaskDefinitionOptions): batch.EcsEc2ContainerDefinition {
  const logGroup = new logs.LogGroup(stack, 'TaskLog', {
    retention: logs.RetentionDays.ONE_YEAR,
    removalPolicy: KEPT,
    ...(options.logKey ? { encryptionKey: options.logKey } : {}),
  });
  const linuxParameters = new batch.LinuxParameters(stack, 'Linux');
  linuxParameters.addTmpfs({
    containerPath: '/tmp',
    size: Size.gibibytes(1),
    mountOptions: [ecs.TmpfsMountOption.RW, ecs.TmpfsMountOption.NOSUID, ecs.TmpfsMountOption.NODEV],
  });
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
    // Batch sets AWS_BATCH_* only, and the ECS agent sets the region only in recent versions.
    environment: { AWS_REGION: stack.region, ...options.environment },
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
