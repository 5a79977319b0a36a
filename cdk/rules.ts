import { CfnVPC } from 'aws-cdk-lib/aws-ec2';
import { CfnManagedPolicy, CfnPolicy, CfnRole } from 'aws-cdk-lib/aws-iam';
import { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnBucket } from 'aws-cdk-lib/aws-s3';
import { type App, CfnResource, Validations } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks, HIPAASecurityChecks, rules } from 'cdk-nag';

interface Exception {
  readonly rule: string;
  readonly reason: string;
  readonly applies: (resource: CfnResource) => boolean;
}

const isInline = (resource: CfnResource) => resource instanceof CfnRole || resource instanceof CfnPolicy;
const isPolicy = (resource: CfnResource) => isInline(resource) || resource instanceof CfnManagedPolicy;

/** The rules that are broken on purpose, by what, and why. All others hold for everything. */
export const EXCEPTIONS: readonly Exception[] = [
  {
    rule: 'HIPAA.Security-IAMNoInlinePolicy',
    reason: 'A policy here is of one role and of no other: inline, it cannot outlive it nor be attached elsewhere.',
    applies: isInline,
  },
  {
    rule: 'HIPAA.Security-LambdaDLQ',
    reason:
      'Functions are called by queues, which have dead-letter queues, or again each minute, or retried for six hours.',
    applies: (resource) => resource instanceof CfnFunction,
  },
  {
    rule: 'HIPAA.Security-LambdaInsideVPC',
    reason: 'The coordinator handles no data of patients, and reaches queues in other regions, which no endpoint does.',
    applies: (resource) => resource instanceof CfnFunction && resource.node.path.includes('-federation-compute/'),
  },
  {
    rule: 'HIPAA.Security-S3BucketReplicationEnabled',
    reason:
      'A copy in another region would be another place that data of patients are in. Hospitals keep their originals.',
    applies: (resource) => resource instanceof CfnBucket,
  },
  {
    rule: 'HIPAA.Security-S3DefaultEncryptionKMS',
    reason: 'S3 delivers access logs only into buckets that it encrypts itself.',
    applies: (resource) => resource instanceof CfnBucket && resource.node.path.endsWith('/Logs/Resource'),
  },
  {
    rule: 'HIPAA.Security-VPCDefaultSecurityGroupClosed',
    reason: 'Nothing is in the default group. To empty it would take a function that may change any group.',
    applies: (resource) => resource instanceof CfnVPC,
  },
];

/** Why the resources of a policy may hold a `*`, by what they are. No action may. */
export const WILDCARDS: readonly { readonly resource: RegExp; readonly reason: string }[] = [
  {
    resource: /:s3:::[\w-]+\/[\w*/.-]+$/,
    reason: 'A prefix of keys, whose last part no policy can know. Each is tested for every role: docs/security.md.',
  },
  {
    resource: /:key\/\*$/,
    reason: 'Bound to one key by its alias, or by the key policy of another account, and to one service.',
  },
  { resource: /:job-definition\/[\w-]+:\*$/, reason: 'Any revision of one job definition: each deployment makes one.' },
  { resource: /Arn>:\*$/, reason: 'Any version of the one function that the scheduler calls.' },
  {
    resource: /^Resource::\*$/,
    reason:
      "Tokens of ECR, the ECS agent, network interfaces, traces and looking at jobs: actions that take no resource. Lambda's code is denied those on the network.",
  },
];

/**
 * Checks every stack of an app against the rules of AWS Solutions and HIPAA, but for the exceptions: a stack that breaks
 * another is not synthesized.
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
