import { CfnOutput, type Stack } from 'aws-cdk-lib/core';

/**
 * Adds outputs to a stack, for `fedcardio deploy-info` and for people. They are not exported: no stack depends on them.
 *
 * @param values by output name; those that are undefined are left out
 */
export function addOutputs(stack: Stack, values: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) new CfnOutput(stack, `Output${name}`, { value }).overrideLogicalId(name);
  }
}
