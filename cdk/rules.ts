import { CfnTrail } from 'aws-cdk-lib/aws-cloudtrail';
import { CfnVPC } from 'aws-cdk-lib/aws-ec2';
import { CfnManagedPolicy, CfnPolicy, CfnRole } from 'aws-cdk-lib/aws-iam';
import { CfnKey } from 'aws-cdk-lib/aws-kms';
import { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnLogGroup } from 'aws-cdk-lib/aws-logs';
import { CfnBucket } from 'aws-cdk-lib/aws-s3';
import { CfnTopic } from 'aws-cdk-lib/aws-sns';
import { type App, CfnResource, Stack, Validations } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks, HIPAASecurityChecks, rules } from 'cdk-nag';
import { SHARED_KEY } from './keys.ts';

interface Exception {
  readonly rule: string;
  readonly reason: string;
  readonly applies: (resource: CfnResource) => boolean;
}

const isInline = (resource: CfnResource) => resource instanceof CfnRole || resource instanceof CfnPolicy;
const isPolicy = (resource: CfnResource) => isInline(resource) || resource instanceof CfnManagedPolicy;

/** Whether the resource's stack uses no customer key at all, as with `s3-managed`. */
const isWithoutKeys = (resource: CfnResource) =>
  !Stack.of(resource)
    .node.findAll()
    .some((one) => one instanceof CfnKey || one.node.id === SHARED_KEY);

/** Rules that are not followed on purpose, by which resources, and why. All other rules hold for all resources. */
export const EXCEPTIONS: readonly Exception[] = [
  {
    rule: 'HIPAA.Security-IAMNoInlinePolicy',
    reason: 'Each policy belongs to one role. Inline, it cannot outlive the role or be attached to another.',
    applies: isInline,
  },
  {
    rule: 'HIPAA.Security-CloudTrailCloudWatchLogsEnabled',
    reason:
      'The keys of objects in the records name cases. They stay in a bucket, and out of logs that more people read.',
    applies: (resource) => resource instanceof CfnTrail,
  },
  {
    rule: 'HIPAA.Security-CloudTrailEncryptionEnabled',
    reason: 'The records are in a bucket like that of the access logs, which has S3-managed encryption.',
    applies: (resource) => resource instanceof CfnTrail,
  },
  {
    rule: 'HIPAA.Security-LambdaDLQ',
    reason:
      'Functions consume queues that have dead-letter queues, or report events that they did not handle to the alarm topic.',
    applies: (resource) => resource instanceof CfnFunction,
  },
  {
    rule: 'HIPAA.Security-LambdaConcurrency',
    reason:
      'New accounts allow no concurrency to be reserved. Queues limit their consumers instead; the option reservedConcurrency limits all functions.',
    applies: (resource) => resource instanceof CfnFunction && resource.reservedConcurrentExecutions === undefined,
  },
  {
    rule: 'HIPAA.Security-LambdaInsideVPC',
    reason: 'The coordinator handles no patient data, and sends to queues in other regions, which no endpoint reaches.',
    applies: (resource) => resource instanceof CfnFunction && resource.node.path.includes('-federation-compute/'),
  },
  {
    rule: 'HIPAA.Security-LambdaInsideVPC',
    reason:
      'Dispatch, job-failed and endpoints handle no patient data, and call Batch or CloudFormation: inside, each would need an endpoint that is paid by the hour.',
    applies: (resource) =>
      resource instanceof CfnFunction &&
      /-compute\/(Dispatch|JobFailed)\/|-network[\w-]*\/Endpoints\//.test(resource.node.path),
  },
  {
    rule: 'HIPAA.Security-S3BucketReplicationEnabled',
    reason: 'A copy in another region would be one more place with patient data. Hospitals keep their originals.',
    applies: (resource) => resource instanceof CfnBucket,
  },
  ...['AwsSolutions-S1', 'HIPAA.Security-S3BucketLoggingEnabled'].map((rule) => ({
    rule,
    reason: 'It holds the records of CloudTrail, like a bucket of access logs: logs of logs would never end.',
    applies: (resource: CfnResource) =>
      resource instanceof CfnBucket && /-trail[\w-]*\/Logs\/Resource$/.test(resource.node.path),
  })),
  {
    rule: 'HIPAA.Security-S3DefaultEncryptionKMS',
    reason: 'S3 delivers access logs only to buckets with S3-managed encryption. Buckets of trails are like them.',
    applies: (resource) => resource instanceof CfnBucket && resource.node.path.endsWith('/Logs/Resource'),
  },
  {
    rule: 'HIPAA.Security-S3DefaultEncryptionKMS',
    reason: 'federation.json chooses S3-managed encryption of objects.',
    applies: (resource) => resource instanceof CfnBucket && isWithoutKeys(resource),
  },
  {
    rule: 'HIPAA.Security-CloudWatchLogGroupEncrypted',
    reason: "federation.json chooses CloudWatch's own encryption of logs.",
    applies: (resource) => resource instanceof CfnLogGroup && isWithoutKeys(resource),
  },
  {
    rule: 'HIPAA.Security-SNSEncryptedKMS',
    reason:
      "federation.json chooses SNS's own encryption: CloudWatch cannot use the key of SNS. Alarms name no patient.",
    applies: (resource) => resource instanceof CfnTopic && isWithoutKeys(resource),
  },
  {
    rule: 'HIPAA.Security-VPCDefaultSecurityGroupClosed',
    reason: 'The default group is unused. Emptying it would require a function that may change any group.',
    applies: (resource) => resource instanceof CfnVPC,
  },
];

/** Reasons for a `*` in the resources of a policy, by kind of resource. Actions never contain one. */
export const WILDCARDS: readonly { readonly resource: RegExp; readonly reason: string }[] = [
  {
    resource: /:s3:::[\w-]+\/[\w*/.-]+$/,
    reason: 'A prefix of keys, whose last part is not known in advance. docs/security.md has the test of every role.',
  },
  {
    resource: /:key\/\*$/,
    reason: 'Limited to one key by its alias or by the key policy of another account, and to one service.',
  },
  {
    resource: /:job-definition\/[\w-]+:\*$/,
    reason: 'Any revision of one job definition: each deployment creates one.',
  },
  {
    resource: /:container-instance\/AWSBatch-[\w-]+-[?-]{36}\/\*$/,
    reason: 'Any host of one cluster: AWS gives hosts their ids.',
  },
  {
    resource: /:vpc-endpoint\/\*$/,
    reason: 'Ids are random. Limited to the listed services, or to the tag of the stack.',
  },
  { resource: /:hostedzone\/\*$/, reason: "Zones of AWS's own services, in other accounts, with random ids." },
  { resource: /:stack\/[\w-]+\/\*$/, reason: 'Stacks of one name: each has a random id.' },
  { resource: /Arn>:\*$/, reason: 'Any version of the one function that the scheduler calls.' },
  {
    resource: /^Resource::\*$/,
    reason:
      "ECR tokens, the ECS agent, network interfaces, traces and listing jobs: actions without resources. A function's own code is denied those on network interfaces.",
  },
];

/**
 * Checks every stack of an app against the AWS Solutions and HIPAA rules, with the exceptions above. A stack that breaks
 * another rule is not synthesized.
 */
export function checkRules(app: App): void {
  for (const resource of app.node.findAll().filter(CfnResource.isCfnResource)) {
    const acknowledge = (id: string, reason: string) => Validations.of(resource).acknowledge({ id, reason });
    for (const { rule, reason, applies } of EXCEPTIONS) if (applies(resource)) acknowledge(rule, reason);
    if (!isPolicy(resource)) continue;
    const findings = rules.iam.IAMNoWildcardPermissions(resource);
    for (const finding of Array.isArray(findings) ? findings : []) {
      const known = WILDCARDS.find((wildcard) => finding.startsWith('Resource::') && wildcard.resource.test(finding));
      if (known) acknowledge(`AwsSolutions-IAM5[${finding}]`, known.reason);
    }
  }
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new HIPAASecurityChecks(app));
}
