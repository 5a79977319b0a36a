import type { StackTemplate } from '../../cdk/synthesize.ts';

interface Statement {
  readonly Action?: string | readonly string[];
}

interface Document {
  readonly PolicyDocument?: { Statement: Statement[] };
}

interface Template {
  readonly Resources: Readonly<
    Record<
      string,
      {
        readonly Type: string;
        readonly Properties?: Document & { readonly Policies?: readonly Document[]; readonly RoleName?: unknown };
      }
    >
  >;
}

/** Templates without a statement of a role, and the actions of that statement. */
export interface Mutation {
  readonly role: string;
  readonly actions: readonly string[];
  readonly stacks: readonly StackTemplate[];
}

/** For each statement of the roles' inline policies, the templates without it. */
export function* withoutEachStatement(stacks: readonly StackTemplate[], roles: readonly string[]): Iterable<Mutation> {
  for (const [index, stack] of stacks.entries()) {
    for (const [id, { Type, Properties }] of Object.entries((stack.template as Template).Resources)) {
      const role = String(Properties?.RoleName);
      if (Type !== 'AWS::IAM::Role' || !roles.includes(role)) continue;
      for (const [p, policy] of (Properties?.Policies ?? []).entries()) {
        for (const [s, { Action = [] }] of (policy.PolicyDocument?.Statement ?? []).entries()) {
          const template = structuredClone(stack.template) as Template;
          template.Resources[id]?.Properties?.Policies?.[p]?.PolicyDocument?.Statement.splice(s, 1);
          yield { role, actions: [Action].flat(), stacks: stacks.with(index, { ...stack, template }) };
        }
      }
    }
  }
}
