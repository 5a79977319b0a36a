import { type IResolvable, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

/** The longest partition, of which a template does not know which one it will be in. */
const LONGEST_PARTITION = 'aws-us-gov';

/** Bytes of a policy as AWS stores it: its ARNs are texts, which a template joins from parts. */
export const policyBytes = (scope: Construct, policy: IResolvable | undefined, arn: string): number =>
  Buffer.byteLength(JSON.stringify(joined(Stack.of(scope).resolve(policy), arn)));

/** The value with its joins done. `Fn::GetAtt` stands for `arn`. */
function joined(value: unknown, arn: string): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => joined(item, arn));
  const fields = Object.entries(value).map(([key, inner]) => [key, joined(inner, arn)] as const);
  const [[key, inner] = ['', undefined]] = fields;
  if (key === 'Ref') return LONGEST_PARTITION;
  if (key === 'Fn::GetAtt') return arn;
  if (key === 'Fn::Join') return (inner as [string, string[]])[1].join('');
  return Object.fromEntries(fields);
}
