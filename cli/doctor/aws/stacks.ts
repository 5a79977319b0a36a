import type { StackTemplate } from '../../../cdk/synthesize.ts';
import type { DeployedStack } from '../../../lib/aws/account/stacks.ts';
import { canonicalJson } from '../../../lib/json.ts';
import { type Finding, failed, ok, skipped, warning } from '../finding.ts';

/** The CDK protects stacks with data before it creates them, and cannot delete those that failed. */
const DELETE_IT =
  'Then delete the stack and deploy again; if it is protected, first aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name with its name.';

/** States from which CloudFormation cannot go on by itself, and what helps. */
const STUCK: Readonly<Record<string, string>> = {
  ROLLBACK_COMPLETE: `Read its events. ${DELETE_IT}`,
  ROLLBACK_FAILED: `Read its events, and delete what is in the way. ${DELETE_IT}`,
  CREATE_FAILED: `Read its events. ${DELETE_IT}`,
  DELETE_FAILED: 'Read its events; empty or detach what cannot be deleted, then delete the stack again.',
  UPDATE_ROLLBACK_FAILED: 'Run `aws cloudformation continue-update-rollback`, then deploy again.',
  UPDATE_FAILED: 'Read its events, then deploy again.',
  REVIEW_IN_PROGRESS: 'A change set was never executed. Delete the stack, then deploy again.',
};

/** State of a stack that the federation needs. */
export function checkStack(name: string, stack: DeployedStack | undefined): Finding {
  const check = `stack ${name}`;
  if (!stack) return skipped(check, 'not deployed');
  const reason = stack.reason ? `: ${stack.reason}` : '';
  const stuck = STUCK[stack.status];
  if (stuck) return failed(check, `${stack.status}${reason}`, stuck);
  if (stack.status.endsWith('_IN_PROGRESS')) {
    return warning(check, stack.status, 'Wait until it has ended, then run doctor again.');
  }
  if (stack.status === 'UPDATE_ROLLBACK_COMPLETE') {
    return warning(check, `the last update was rolled back${reason}`, 'Read its events, then deploy again.');
  }
  if (stack.drift === 'DRIFTED') {
    const cure = 'See what was changed: aws cloudformation describe-stack-resource-drifts. Then deploy again.';
    return warning(check, `${stack.status}, changed by hand since`, cure);
  }
  return ok(check, `${stack.status}${stack.changed ? `, ${stack.changed.toISOString().slice(0, 16)}Z` : ''}`);
}

/**
 * Whether a deployed template is what this checkout would deploy. Where the code of functions is stored does not count: it
 * changes with every build.
 */
export function checkVersion({ stackName, template }: StackTemplate, deployed: unknown): Finding {
  const check = `version of ${stackName}`;
  return canonicalJson(comparable(template)) === canonicalJson(comparable(deployed))
    ? ok(check, 'as this release and this federation.json make it')
    : warning(
        check,
        'differs from what this release and this federation.json make',
        `See what would change: npx cdk diff ${stackName}. Then deploy it.`,
      );
}

/** A template without what differs between builds: assets, and the bootstrap parameter that only `cdk deploy` adds. */
function comparable(template: unknown): unknown {
  const { Resources = {}, Outputs = {} } = (template ?? {}) as {
    readonly Resources?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    readonly Outputs?: unknown;
  };
  const resources = Object.entries(Resources).flatMap(([id, { Metadata: _, ...resource }]) => {
    if (resource.Type === 'AWS::CDK::Metadata') return [];
    if (resource.Type !== 'AWS::Lambda::Function') return [[id, resource] as const];
    const { Code: __, ...properties } = resource.Properties as Readonly<Record<string, unknown>>;
    return [[id, { ...resource, Properties: properties }] as const];
  });
  return { Resources: Object.fromEntries(resources), Outputs };
}

/**
 * Stacks of the federation that `federation.json` no longer has, such as those of a site that left.
 *
 * @param expected names of the stacks that the templates have, in any account
 */
export function checkLeftStacks(
  federation: string,
  expected: ReadonlySet<string>,
  stacks: readonly DeployedStack[],
): readonly Finding[] {
  const isOwn = (name: string) =>
    ['site-', 'federation-', 'network', 'keys', 'trail'].some((start) => name.startsWith(`${federation}-${start}`));
  return stacks
    .filter(({ name }) => isOwn(name) && !expected.has(name))
    .map(({ name, status }) =>
      warning(
        `stack ${name}`,
        `${status}, but federation.json has nothing for it`,
        'If its site has left, or its option was taken out, delete it as docs/deployment.md says. Otherwise check the id in federation.json.',
      ),
    );
}

/** State of a stack that a function creates for jobs, and deletes after them. A state that lasts is told by an alarm. */
export function checkOnDemandStack({ name, status, reason }: DeployedStack): Finding {
  const check = `stack ${name}`;
  const made = 'made by a function while jobs need it';
  return /_FAILED$|^ROLLBACK_/.test(status)
    ? warning(
        check,
        `${status}${reason ? `: ${reason}` : ''}; ${made}`,
        'A function deletes it and tries again every five minutes. If this stays: docs/operation/endpoints-failed.md.',
      )
    : ok(check, `${status}, ${made}`);
}

/** Whether a bucket's name is free, or is the federation's own. */
export function checkBucketName(bucket: string, owner: 'nobody' | 'account' | 'other', isDeployed: boolean): Finding {
  const check = `bucket ${bucket}`;
  if (owner === 'other') {
    return failed(
      check,
      'another AWS account has a bucket of this name',
      'Choose another id in federation.json: bucket names are unique across all of AWS.',
    );
  }
  if (owner === 'nobody') {
    return isDeployed
      ? failed(
          check,
          'its stack is deployed, but the bucket is missing',
          'Somebody deleted it. Deploy the stack under another id, or restore it.',
        )
      : ok(check, 'the name is free');
  }
  return isDeployed
    ? ok(check, 'exists in this account')
    : failed(
        check,
        'exists in this account, but no stack has it: the deployment would say "already exists"',
        'If it is empty, delete it. Otherwise import it: npx cdk import (docs/deployment.md).',
      );
}

/** Version of the CDK's bootstrap stack that templates with assets need (aws-cdk-lib, DefaultStackSynthesizer). */
const BOOTSTRAP_VERSION = 6;

/** @param toolkit the CDK's own stack, by its default name */
export function checkBootstrap(toolkit: DeployedStack | undefined, place: string): Finding {
  const check = 'CDK bootstrap';
  const cure = `Run npx cdk bootstrap aws://${place}`;
  if (!toolkit) return failed(check, 'there is no stack CDKToolkit', `${cure}, if you use no other bootstrap stack.`);
  const version = Number(toolkit.outputs.BootstrapVersion ?? 0);
  const found = `version ${version}, ${BOOTSTRAP_VERSION} needed, ${toolkit.status}`;
  return version >= BOOTSTRAP_VERSION ? ok(check, found) : failed(check, found, cure);
}
