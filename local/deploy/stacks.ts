import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CloudFormationClient,
  CreateStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  type StackStatus,
  UpdateStackCommand,
} from '@aws-sdk/client-cloudformation';
import type { StackTemplate } from '../../cdk/synthesize.ts';
import { FedcardioError } from '../../lib/error.ts';

const POLL_MS = 250;

/**
 * Creates or updates a stack with CloudFormation and waits for the result.
 *
 * @throws FedcardioError STORAGE with CloudFormation's reasons
 */
export async function deployStack(
  cloudFormation: CloudFormationClient,
  { stackName, template }: StackTemplate,
): Promise<void> {
  const input = { StackName: stackName, TemplateBody: JSON.stringify(template) };
  const status = await statusOf(cloudFormation, stackName);
  if (status === undefined) await cloudFormation.send(new CreateStackCommand(input));
  else if (!(await update(cloudFormation, input))) return;
  const ended = await waitUntilEnded(cloudFormation, stackName);
  if (ended === 'CREATE_COMPLETE' || ended === 'UPDATE_COMPLETE') return;
  throw new FedcardioError(
    'STORAGE',
    `Stack ${stackName} ended as ${ended}: ${(await failuresOf(cloudFormation, stackName)).join('; ') || 'no reason given'}.`,
    { hint: 'Delete a stack whose creation failed before you deploy it again.' },
  );
}

/** @returns whether anything had to be updated */
async function update(
  cloudFormation: CloudFormationClient,
  input: { readonly StackName: string; readonly TemplateBody: string },
): Promise<boolean> {
  try {
    await cloudFormation.send(new UpdateStackCommand(input));
    return true;
  } catch (error) {
    if (/no updates are to be performed/i.test((error as Error).message)) return false;
    throw error;
  }
}

/** Undefined if the stack does not exist or was deleted. */
async function statusOf(cloudFormation: CloudFormationClient, StackName: string): Promise<StackStatus | undefined> {
  try {
    const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
    const status = Stacks?.[0]?.StackStatus;
    return status === 'DELETE_COMPLETE' ? undefined : status;
  } catch (error) {
    if (/does not exist/.test((error as Error).message)) return undefined;
    throw error;
  }
}

/** The SDK's waiters poll every 30 s and give no reasons. */
async function waitUntilEnded(cloudFormation: CloudFormationClient, stackName: string): Promise<StackStatus> {
  for (;;) {
    const status = await statusOf(cloudFormation, stackName);
    if (status !== undefined && !status.endsWith('_IN_PROGRESS')) return status;
    await sleep(POLL_MS);
  }
}

/** Failures in the order of their events. Excludes resources that were only cancelled as a result. */
async function failuresOf(cloudFormation: CloudFormationClient, StackName: string): Promise<readonly string[]> {
  const { StackEvents = [] } = await cloudFormation.send(new DescribeStackEventsCommand({ StackName }));
  return StackEvents.filter(
    ({ ResourceStatus, ResourceStatusReason }) =>
      ResourceStatus?.endsWith('_FAILED') && !/cancelled/i.test(ResourceStatusReason ?? ''),
  )
    .map(({ LogicalResourceId, ResourceStatusReason }) => `${LogicalResourceId}: ${ResourceStatusReason}`)
    .reverse();
}
