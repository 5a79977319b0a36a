import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { CfnOutput, type Stack } from 'aws-cdk-lib/core';
import { FUNCTIONS } from '../lib/federation/functions.ts';
import { canonicalJson } from '../lib/json.ts';
import { tell } from './alarms.ts';
import { ENDPOINTS_TAG, endpointServices, endpointsTemplate, type NetworkExports } from './endpoints-template.ts';
import { addFunction, invokeEvery, scheduled } from './functions.ts';

export interface OnDemandEndpointsOptions {
  /** Id of the federation. */
  readonly federation: string;
  /** Name of the function and of its role. */
  readonly functionName: string;
  readonly handlers: string;
  readonly vpc: ec2.Vpc;
  readonly subnet: ec2.ISubnet;
  readonly securityGroup: ec2.ISecurityGroup;
  /** Accounts whose principals may call services through the endpoints. */
  readonly accounts: readonly string[];
  readonly logKey: kms.IKey | undefined;
  /** Told of a stack that could not be created or deleted, and of invocations that failed. */
  readonly topic: sns.ITopic;
  readonly reserved: boolean | undefined;
  /** Tags of the endpoints. */
  readonly tags: Readonly<Record<string, string>> | undefined;
}

const everyMinutes = FUNCTIONS.flatMap(({ trigger }) =>
  trigger.kind === 'batch-jobs' ? [trigger.everyMinutes] : [],
)[0] as number;

/**
 * Interface endpoints that exist while jobs need them: a function creates and deletes a stack of a fixed template.
 *
 * The function can do no more than that. Its role allows one name of a stack, one template and one role for CloudFormation;
 * that role allows endpoints to the given services, in this network, with this subnet and security group.
 */
export function addOnDemandEndpoints(stack: Stack, options: OnDemandEndpointsOptions): void {
  const stackName = `${stack.stackName}-endpoints`;
  const template = addTemplate(stack, stackName, options);
  const cloudFormation = new iam.Role(stack, 'EndpointsStackRole', {
    assumedBy: new iam.ServicePrincipal('cloudformation.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': stack.account } },
    }),
    description: 'CloudFormation creates and deletes the interface endpoints of the network',
    inlinePolicies: {
      Endpoints: new iam.PolicyDocument({ statements: endpointStatements(stack, stackName, options) }),
    },
  });
  const fn = addFunction(stack, {
    name: 'endpoints',
    functionName: options.functionName,
    statements: functionStatements(stack, stackName, template, cloudFormation),
    environment: {
      FEDCARDIO_FEDERATION_ID: options.federation,
      FEDCARDIO_ENDPOINTS_STACK: stackName,
      FEDCARDIO_ENDPOINTS_TEMPLATE: template.httpUrl,
      FEDCARDIO_ENDPOINTS_ROLE: cloudFormation.roleArn,
    },
    handlers: options.handlers,
    logKey: options.logKey,
    reserved: options.reserved,
    asynchronous: scheduled(options.topic),
  });
  invokeEvery(stack, fn, 'endpoints', everyMinutes);
  const arn = (service: string, resource: string) =>
    `arn:${stack.partition}:${service}:${stack.region}:${stack.account}:${resource}`;
  new events.Rule(stack, 'JobsSubmitted', {
    description: 'A job needs the interface endpoints',
    eventPattern: {
      source: ['aws.batch'],
      detailType: ['Batch Job State Change'],
      detail: {
        status: ['SUBMITTED', 'RUNNABLE'],
        jobQueue: [{ prefix: arn('batch', `job-queue/${options.federation}-`) }],
      },
    },
    targets: [new targets.LambdaFunction(fn)],
  });
  const failed = new events.Rule(stack, 'EndpointsFailed', {
    description: 'CloudFormation could not create or delete the interface endpoints',
    eventPattern: {
      source: ['aws.cloudformation'],
      detailType: ['CloudFormation Stack Status Change'],
      detail: {
        'stack-id': [{ prefix: arn('cloudformation', `stack/${stackName}/`) }],
        'status-details': { status: ['CREATE_FAILED', 'ROLLBACK_IN_PROGRESS', 'ROLLBACK_FAILED', 'DELETE_FAILED'] },
      },
    },
  });
  const reason = events.EventField.fromPath('$.detail.status-details.status-reason');
  tell(failed, options.topic, 'endpoints-failed', `${stackName} could not be created or deleted: ${reason}.`);
}

/** Stores the template with the other assets of the CDK, and exports what it imports. */
function addTemplate(stack: Stack, stackName: string, options: OnDemandEndpointsOptions): Asset {
  const exported: Readonly<Record<keyof NetworkExports, string>> = {
    vpc: options.vpc.vpcId,
    subnet: options.subnet.subnetId,
    securityGroup: options.securityGroup.securityGroupId,
  };
  const nameOf = (what: string) => `${stack.stackName}-${what}`;
  for (const [what, value] of Object.entries(exported)) {
    new CfnOutput(stack, `Exported-${what}`, { value, exportName: nameOf(what) });
  }
  const exports = { vpc: nameOf('vpc'), subnet: nameOf('subnet'), securityGroup: nameOf('securityGroup') };
  const path = join(mkdtempSync(join(tmpdir(), 'fedcardio-endpoints-')), 'endpoints.template.json');
  writeFileSync(path, canonicalJson(endpointsTemplate(stack, stackName, exports, options.accounts, options.tags)));
  return new Asset(stack, 'EndpointsTemplate', { path });
}

function functionStatements(stack: Stack, stackName: string, template: Asset, role: iam.Role): iam.PolicyStatement[] {
  const stacks = [`arn:${stack.partition}:cloudformation:${stack.region}:${stack.account}:stack/${stackName}/*`];
  return [
    new iam.PolicyStatement({ actions: ['batch:DescribeJobQueues', 'batch:ListJobs'], resources: ['*'] }),
    new iam.PolicyStatement({
      actions: ['cloudformation:DescribeStacks', 'cloudformation:DeleteStack'],
      resources: stacks,
    }),
    new iam.PolicyStatement({
      actions: ['cloudformation:CreateStack'],
      resources: stacks,
      conditions: {
        StringEquals: { 'cloudformation:TemplateUrl': template.httpUrl, 'cloudformation:RoleArn': role.roleArn },
      },
    }),
    // CloudFormation reads the template with the rights of its caller.
    new iam.PolicyStatement({
      actions: ['s3:GetObject'],
      resources: [template.bucket.arnForObjects(template.s3ObjectKey)],
    }),
    new iam.PolicyStatement({
      actions: ['iam:PassRole'],
      resources: [role.roleArn],
      conditions: { StringEquals: { 'iam:PassedToService': 'cloudformation.amazonaws.com' } },
    }),
  ];
}

/** The rights of CloudFormation. The actions are those that CreateVpcEndpoint depends on (Service Authorization Reference). */
function endpointStatements(
  stack: Stack,
  stackName: string,
  { vpc, subnet, securityGroup }: OnDemandEndpointsOptions,
): iam.PolicyStatement[] {
  const ec2Arn = (resource: string) => `arn:${stack.partition}:ec2:${stack.region}:${stack.account}:${resource}`;
  const endpoints = [ec2Arn('vpc-endpoint/*')];
  return [
    new iam.PolicyStatement({
      actions: ['ec2:CreateVpcEndpoint'],
      resources: [
        ec2Arn(`vpc/${vpc.vpcId}`),
        ec2Arn(`subnet/${subnet.subnetId}`),
        ec2Arn(`security-group/${securityGroup.securityGroupId}`),
      ],
    }),
    new iam.PolicyStatement({
      actions: ['ec2:CreateVpcEndpoint'],
      resources: endpoints,
      conditions: { StringEquals: { 'ec2:VpceServiceName': endpointServices(stack) } },
    }),
    new iam.PolicyStatement({
      actions: ['ec2:CreateTags'],
      resources: endpoints,
      conditions: { StringEquals: { 'ec2:CreateAction': 'CreateVpcEndpoint' } },
    }),
    new iam.PolicyStatement({
      actions: ['ec2:DeleteVpcEndpoints'],
      resources: endpoints,
      conditions: { StringEquals: { [`aws:ResourceTag/${ENDPOINTS_TAG}`]: stackName } },
    }),
    new iam.PolicyStatement({
      actions: ['ec2:DescribeVpcEndpoints', 'ec2:DescribeVpcs', 'ec2:DescribeSubnets', 'ec2:DescribeSecurityGroups'],
      resources: ['*'],
    }),
    // The names of the services, in a zone that AWS owns.
    new iam.PolicyStatement({
      actions: ['route53:AssociateVPCWithHostedZone'],
      resources: [`arn:${stack.partition}:route53:::hostedzone/*`],
    }),
  ];
}
