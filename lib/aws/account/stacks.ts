import {
  CloudFormationClient,
  GetTemplateCommand,
  paginateDescribeStacks,
  paginateListStackResources,
} from '@aws-sdk/client-cloudformation';
import { type AccountOptions, attempt, configOf } from './attempt.ts';

/** A stack of CloudFormation. */
export interface DeployedStack {
  readonly name: string;
  /** Such as `UPDATE_COMPLETE`. */
  readonly status: string;
  readonly reason: string | undefined;
  /** What CloudFormation's last drift detection found, such as `DRIFTED`. */
  readonly drift: string | undefined;
  readonly changed: Date | undefined;
  readonly outputs: Readonly<Record<string, string>>;
}

/** A resource that CloudFormation has created. */
export interface DeployedResource {
  readonly type: string;
  readonly logicalId: string;
  readonly physicalId: string;
}

/** All stacks of the account in the region, except deleted ones. */
export async function listStacks(options: AccountOptions): Promise<readonly DeployedStack[]> {
  const client = new CloudFormationClient(configOf(options));
  return attempt('list the stacks', async () => {
    const stacks: DeployedStack[] = [];
    for await (const { Stacks = [] } of paginateDescribeStacks({ client }, {})) {
      stacks.push(
        ...Stacks.map((stack) => ({
          name: stack.StackName ?? '',
          status: stack.StackStatus ?? 'unknown',
          reason: stack.StackStatusReason,
          drift: stack.DriftInformation?.StackDriftStatus,
          changed: stack.LastUpdatedTime ?? stack.CreationTime,
          outputs: Object.fromEntries(
            (stack.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]),
          ),
        })),
      );
    }
    return stacks;
  });
}

/** The resources of a stack that exist. */
export async function listResources(options: AccountOptions, stack: string): Promise<readonly DeployedResource[]> {
  const client = new CloudFormationClient(configOf(options));
  return attempt(`list the resources of stack ${stack}`, async () => {
    const resources: DeployedResource[] = [];
    for await (const page of paginateListStackResources({ client }, { StackName: stack })) {
      for (const one of page.StackResourceSummaries ?? []) {
        if (one.PhysicalResourceId === undefined || one.ResourceStatus === 'DELETE_COMPLETE') continue;
        resources.push({
          type: one.ResourceType ?? '',
          logicalId: one.LogicalResourceId ?? '',
          physicalId: one.PhysicalResourceId,
        });
      }
    }
    return resources;
  });
}

/** The template of a stack as it was deployed: parsed JSON. Undefined if it is none. */
export async function templateOf(options: AccountOptions, stack: string): Promise<unknown> {
  const client = new CloudFormationClient(configOf(options));
  const { TemplateBody = '' } = await attempt(`read the template of stack ${stack}`, () =>
    client.send(new GetTemplateCommand({ StackName: stack, TemplateStage: 'Original' })),
  );
  try {
    return JSON.parse(TemplateBody);
  } catch {
    return undefined;
  }
}
