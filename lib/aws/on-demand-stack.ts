import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { type ConnectionOptions, connection } from './clients.ts';
import { attemptWith, serviceFailure, storageError } from './failures.ts';

export interface OnDemandStackOptions extends ConnectionOptions {
  readonly stackName: string;
  /** Address of the template in S3: the only template that the caller's role may use. */
  readonly templateUrl: string;
  /** Role with which CloudFormation works: the only one that the caller's role may pass. */
  readonly roleArn: string;
}

const SOCKETS = 2;
const MAX_ATTEMPTS = 6;

/** A stack that is created and deleted as needed. Its name makes the creation idempotent. */
export function createOnDemandStack(options: OnDemandStackOptions) {
  const { stackName, templateUrl, roleArn } = options;
  const client = new CloudFormationClient({
    ...connection(options, SOCKETS),
    retryMode: 'adaptive',
    maxAttempts: MAX_ATTEMPTS,
  });
  const cloudFormation = options.trace?.(client) ?? client;
  return {
    status: (): Promise<string | undefined> =>
      attempt(`look up stack ${stackName}`, async () => {
        try {
          const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: stackName }));
          return Stacks?.[0]?.StackStatus;
        } catch (error) {
          // CloudFormation has no code of its own for this.
          if (error instanceof Error && /does not exist/.test(error.message)) return undefined;
          throw error;
        }
      }),
    create: (): Promise<void> =>
      attempt(`create stack ${stackName}`, async () => {
        try {
          await cloudFormation.send(
            new CreateStackCommand({ StackName: stackName, TemplateURL: templateUrl, RoleARN: roleArn }),
          );
        } catch (error) {
          if (serviceFailure(error).name !== 'AlreadyExistsException') throw error;
        }
      }),
    delete: (): Promise<void> =>
      attempt(`delete stack ${stackName}`, async () => {
        await cloudFormation.send(new DeleteStackCommand({ StackName: stackName }));
      }),
  };
}

const attempt = attemptWith(storageError);
