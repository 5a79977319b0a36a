import { createResolver, type Json } from '../../cdk/isolation/resolve.ts';
import { exportsOf } from '../../cdk/isolation/world.ts';
import type { StackTemplate } from '../../cdk/synthesize.ts';

/** A resource of a template, with its properties as CloudFormation would pass them on. */
export interface Deployed {
  readonly stack: string;
  readonly arn: string;
  readonly account: string;
  readonly region: string;
  /** A property with its intrinsic functions evaluated; undefined if the template lacks it. */
  property<T extends Json = Json>(name: string): T | undefined;
}

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, Json>>;
}

/** The resources of a type in all templates. Every stack must name its account and region. */
export function resourcesOf(stacks: readonly StackTemplate[], type: string): readonly Deployed[] {
  const exports = exportsOf(stacks);
  return stacks.flatMap(({ stackName, template, account, region }) => {
    if (account === undefined || region === undefined) throw new Error(`${stackName} names no account and region`);
    const { Resources } = template as { readonly Resources: Readonly<Record<string, Resource>> };
    const { resolve, arnOf } = createResolver(stackName, Resources, { account, region }, exports);
    return Object.entries(Resources).flatMap(([id, { Type, Properties = {} }]) =>
      Type === `AWS::${type}`
        ? [
            {
              stack: stackName,
              arn: arnOf(id),
              account,
              region,
              property: <T extends Json>(name: string) =>
                Properties[name] === undefined ? undefined : (resolve(Properties[name]) as T),
            },
          ]
        : [],
    );
  });
}

/** The last part of an ARN or of a queue's URL: a name. */
export const nameOf = (arn: string): string => arn.split(/[:/]/).at(-1) as string;
