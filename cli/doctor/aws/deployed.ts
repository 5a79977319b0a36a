import { mapConcurrently } from '../../../lib/async.ts';
import type { AccountOptions } from '../../../lib/aws/account/attempt.ts';
import { isDenied } from '../../../lib/aws/account/attempt.ts';
import {
  type DeployedResource,
  type DeployedStack,
  listResources,
  templateOf,
} from '../../../lib/aws/account/stacks.ts';
import { type Finding, warning } from '../finding.ts';

/** A stack of the federation that exists, as far as the identity may see it. */
export interface SeenStack extends DeployedStack {
  readonly resources: readonly DeployedResource[];
  readonly template: unknown;
}

/** Stacks that are looked at at the same time: CloudFormation throttles soon. */
const PARALLEL = 4;

/** Resources and templates of stacks. What may not be read is empty, and told. */
export async function seeStacks(
  options: AccountOptions,
  stacks: readonly DeployedStack[],
): Promise<{ readonly seen: readonly SeenStack[]; readonly denied: readonly Finding[] }> {
  const denied = new Set<string>();
  const orNothing = async <T>(action: string, look: () => Promise<T>, nothing: T): Promise<T> => {
    try {
      return await look();
    } catch (error) {
      if (!isDenied(error)) throw error;
      denied.add(action);
      return nothing;
    }
  };
  const seen = await mapConcurrently(stacks, PARALLEL, async (stack) => ({
    ...stack,
    resources: await orNothing('cloudformation:ListStackResources', () => listResources(options, stack.name), []),
    template: await orNothing('cloudformation:GetTemplate', () => templateOf(options, stack.name), undefined),
  }));
  const cure = 'Use an identity that may, such as one with ReadOnlyAccess. What belongs to others is counted too high.';
  return {
    seen,
    denied: [...denied].map((action) =>
      warning('stacks', `not all is checked: this identity may not use ${action}`, cure),
    ),
  };
}
