import type { StackTemplate } from '../../cdk/synthesize.ts';
import type { CheckovFinding } from './checkov.ts';
import type { CheckovException } from './checkov-exceptions.ts';
import { templateOf } from './templates.ts';

export interface Judgement {
  /** Findings that no exception explains. */
  readonly unexplained: readonly CheckovFinding[];
  /** Exceptions that explain no finding. */
  readonly unneeded: readonly CheckovException[];
}

/** Compares findings in the given stacks with the exceptions. */
export function judge(
  findings: readonly CheckovFinding[],
  stacks: readonly StackTemplate[],
  exceptions: readonly CheckovException[],
): Judgement {
  const templates = new Map(stacks.map((stack) => [stack.stackName, templateOf(stack)]));
  const explains = ({ check, stackName, logicalId }: CheckovFinding, exception: CheckovException) => {
    const resource = templates.get(stackName)?.Resources[logicalId];
    return resource !== undefined && exception.check === check && exception.applies({ stackName, logicalId, resource });
  };
  return {
    unexplained: findings.filter((finding) => !exceptions.some((exception) => explains(finding, exception))),
    unneeded: exceptions.filter((exception) => !findings.some((finding) => explains(finding, exception))),
  };
}
