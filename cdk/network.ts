import type * as ec2 from 'aws-cdk-lib/aws-ec2';

/** The network of GPU tasks and of the functions that read CTs. */
export interface Network {
  readonly vpc: ec2.IVpc;
  /** Allows outgoing HTTPS and nothing incoming. */
  readonly securityGroup: ec2.ISecurityGroup;
}
