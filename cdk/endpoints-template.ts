import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Fn, type Stack } from 'aws-cdk-lib/core';

/** Services that a host needs before a container starts on it: its image and its log. */
const CONTAINER = {
  EcrApi: ec2.InterfaceVpcEndpointAwsService.ECR,
  EcrDocker: ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
  Logs: ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
} as const;
/** Services with which a host reports itself ready for containers. */
const HOST = {
  Ecs: ec2.InterfaceVpcEndpointAwsService.ECS,
  EcsAgent: ec2.InterfaceVpcEndpointAwsService.ECS_AGENT,
  EcsTelemetry: ec2.InterfaceVpcEndpointAwsService.ECS_TELEMETRY,
} as const;

/** Names of the services with interface endpoints, in the region of the stack. */
export const endpointServices = (stack: Stack): readonly string[] =>
  [...Object.values(CONTAINER), ...Object.values(HOST)].map(({ name }) => stack.resolve(name) as string);

/** Exports of the network's stack that the template imports: without parameters, no caller decides on them. */
export interface NetworkExports {
  readonly vpc: string;
  readonly subnet: string;
  readonly securityGroup: string;
}

/** Key of the tag of the endpoints, whose value is the name of their stack. */
export const ENDPOINTS_TAG = 'fedcardio-stack';

/**
 * The template of a network's interface endpoints. They are in one zone, which the others can reach: each further zone would
 * cost the same again. Only principals of the given accounts may call the services from the network. The CDK does not see this
 * template, so that it gets the tags of the federation here.
 *
 * A host takes jobs once it reaches ECS. These endpoints are created last, so that it can then pull images and write logs.
 */
export function endpointsTemplate(
  stack: Stack,
  stackName: string,
  exports: NetworkExports,
  accounts: readonly string[],
  tags: Readonly<Record<string, string>> = {},
): object {
  const endpoint = ({ name: ServiceName }: ec2.InterfaceVpcEndpointAwsService) => ({
    Type: 'AWS::EC2::VPCEndpoint',
    Properties: {
      VpcEndpointType: 'Interface',
      ServiceName,
      VpcId: Fn.importValue(exports.vpc),
      SubnetIds: [Fn.importValue(exports.subnet)],
      SecurityGroupIds: [Fn.importValue(exports.securityGroup)],
      PrivateDnsEnabled: true,
      PolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: '*',
            Action: '*',
            Resource: '*',
            Condition: { StringEquals: { 'aws:PrincipalAccount': accounts } },
          },
        ],
      },
      Tags: Object.entries({ ...tags, [ENDPOINTS_TAG]: stackName }).map(([Key, Value]) => ({ Key, Value })),
    },
  });
  const resources = (services: Readonly<Record<string, ec2.InterfaceVpcEndpointAwsService>>, more: object = {}) =>
    Object.fromEntries(Object.entries(services).map(([id, service]) => [id, { ...endpoint(service), ...more }]));
  return stack.resolve({
    AWSTemplateFormatVersion: '2010-09-09',
    Description: `fedcardio: interface endpoints while jobs need them, of ${stack.stackName}`,
    Resources: { ...resources(CONTAINER), ...resources(HOST, { DependsOn: Object.keys(CONTAINER) }) },
  }) as object;
}
