import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Stack } from 'aws-cdk-lib/core';
import { VERSION } from '../lib/version.ts';
import { hostUserData } from './host-user-data.ts';

/** Holds the image of the container twice, compressed and unpacked, and a case that is being prepared. */
const VOLUME_GIB = 100;

/** Any UUID. With `*`, the clusters of a site `bonn` would include those of a site `bonn-spot`. */
const UUID = [8, 4, 4, 4, 12].map((length) => '?'.repeat(length)).join('-');

/** How the EC2 instances of a compute environment start. */
export function addHostTemplate(stack: Stack): ec2.LaunchTemplate {
  return new ec2.LaunchTemplate(stack, 'Host', {
    // Each release makes a new version, with which Batch replaces the hosts and takes its latest machine image.
    versionDescription: `fedcardio ${VERSION}`,
    requireImdsv2: true,
    // Containers of Batch share the host's network, so that this limit does not stop them: the user data does.
    httpPutResponseHopLimit: 1,
    httpProtocolIpv6: false,
    instanceMetadataTags: false,
    userData: hostUserData(),
    blockDevices: [
      {
        deviceName: '/dev/xvda',
        volume: ec2.BlockDeviceVolume.ebs(VOLUME_GIB, { encrypted: true, volumeType: ec2.EbsDeviceVolumeType.GP3 }),
      },
    ],
  });
}

/**
 * The ECS agent's role, for the clusters of these compute environments only. AWS's managed policy would also allow to
 * create clusters and to read every repository. The resource types are those of the Service Authorization Reference.
 *
 * @param environments names of compute environments. Batch names the ECS cluster of each `AWSBatch-<name>-<UUID>`
 */
export function addHostRole(stack: Stack, environments: readonly string[]): iam.Role {
  const { partition, region, account } = stack;
  const clusters = environments.map((name) => `AWSBatch-${name}-${UUID}`);
  const arns = (kind: string, suffix = '') =>
    clusters.map((cluster) => `arn:${partition}:ecs:${region}:${account}:${kind}/${cluster}${suffix}`);
  return new iam.Role(stack, 'HostRole', {
    assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
    description: 'The ECS agent on a host of GPU tasks',
    inlinePolicies: {
      Agent: new iam.PolicyDocument({
        statements: [
          // It has no resources: it returns the address that the agent polls.
          new iam.PolicyStatement({ actions: ['ecs:DiscoverPollEndpoint'], resources: ['*'] }),
          new iam.PolicyStatement({
            actions: [
              'ecs:RegisterContainerInstance',
              'ecs:DeregisterContainerInstance',
              'ecs:SubmitContainerStateChange',
              'ecs:SubmitTaskStateChange',
              'ecs:SubmitAttachmentStateChanges',
            ],
            resources: arns('cluster'),
          }),
          new iam.PolicyStatement({
            actions: ['ecs:Poll', 'ecs:StartTelemetrySession', 'ecs:UpdateContainerInstancesState'],
            resources: arns('container-instance', '/*'),
            conditions: { ArnLike: { 'ecs:cluster': arns('cluster') } },
          }),
        ],
      }),
    },
  });
}
