import { Match, Template } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Federation } from '../lib/federation/schemas.ts';
import { FEDERATION, synthesizeAll } from './isolation/example-federation.ts';

type Json = Record<string, unknown>;

const [BONN, ULM] = FEDERATION.sites as [Federation['sites'][number], Federation['sites'][number]];
let stacks: ReadonlyMap<string, Template>;
const synthesized = (federation: Federation) =>
  new Map(
    synthesizeAll(federation).map(
      ({ stackName, template }) => [stackName, Template.fromJSON(template as Json)] as const,
    ),
  );
beforeAll(() => {
  stacks = synthesized({ ...FEDERATION, sites: [BONN, { ...ULM, id: 'bonn-spot' }] });
});
const templateOf = (name: string) => stacks.get(name) as Template;
const NAMES = ['heart-site-bonn-compute', 'heart-federation-compute'];

describe.each(NAMES)('the jobs of %s', (name) => {
  const propertiesOf = (type: string): Json => {
    const [resource] = Object.values(templateOf(name).findResources(type)) as { Properties: Json }[];
    return resource?.Properties as Json;
  };

  test('know their region, which Batch does not set', () => {
    templateOf(name).hasResourceProperties('AWS::Batch::JobDefinition', {
      ContainerProperties: { Environment: Match.arrayWith([{ Name: 'AWS_REGION', Value: 'eu-central-1' }]) },
    });
  });

  test.each([
    ['a reclaimed spot host', { statusReason: 'Host EC2 (instance i-0ab) terminated.' }, 'RETRY'],
    [
      'a reclaimed host whose container was killed',
      { statusReason: 'Host EC2 (i-0) terminated.', exitCode: 137 },
      'RETRY',
    ],
    [
      'a pull that is too slow',
      { statusReason: 'Task failed to start', reason: 'CannotPullContainerError: timed out' },
      'RETRY',
    ],
    [
      'a pull that was refused',
      { statusReason: 'Task failed to start', reason: 'CannotPullECRContainerError: 500' },
      'RETRY',
    ],
    [
      'Docker that does not answer',
      { statusReason: 'Task failed to start', reason: 'DockerTimeoutError: 4m0s' },
      'RETRY',
    ],
    [
      'resources that are not ready',
      { statusReason: 'Task failed to start', reason: 'ResourceInitializationError: x' },
      'RETRY',
    ],
    [
      'a container that cannot be made',
      { statusReason: 'Task failed to start', reason: 'CannotCreateContainerError' },
      'RETRY',
    ],
    ['a lost agent', { statusReason: 'AGENT' }, 'RETRY'],
    ['exit 1', { statusReason: 'Essential container in task exited', exitCode: 1 }, 'RETRY'],
    ['storage that was away', { statusReason: 'Essential container in task exited', exitCode: 75 }, 'RETRY'],
    ['a task that was told to stop', { statusReason: 'Essential container in task exited', exitCode: 143 }, 'RETRY'],
    ['an invalid message', { statusReason: 'Essential container in task exited', exitCode: 2 }, 'EXIT'],
    ['an abort', { statusReason: 'Essential container in task exited', exitCode: 134 }, 'EXIT'],
    ['too little memory', { reason: 'OutOfMemoryError: Container killed due to memory usage', exitCode: 137 }, 'EXIT'],
  ] as const)('after %s end or are retried: %s', (_what, end: Attempt, expected) => {
    const { Attempts, EvaluateOnExit } = propertiesOf('AWS::Batch::JobDefinition').RetryStrategy as RetryStrategy;

    expect(Attempts).toBe(10);
    expect(EvaluateOnExit.length).toBeLessThanOrEqual(5);
    expect(actionAfter(end, EvaluateOnExit)).toBe(expected);
  });

  test('run as user 1000 on a read-only root', () => {
    templateOf(name).hasResourceProperties('AWS::Batch::JobDefinition', {
      ContainerProperties: { User: '1000', ReadonlyRootFilesystem: true, Privileged: false },
    });
  });
});

describe('compute environments', () => {
  test('take each new version of the launch template, with the latest machine image, in place', () => {
    for (const name of NAMES) {
      const [template] = Object.keys(templateOf(name).findResources('AWS::EC2::LaunchTemplate'));
      templateOf(name).allResourcesProperties('AWS::Batch::ComputeEnvironment', {
        ReplaceComputeEnvironment: false,
        UpdatePolicy: { TerminateJobsOnUpdate: false, JobExecutionTimeoutMinutes: 360 },
        ComputeResources: {
          LaunchTemplate: {
            LaunchTemplateId: { Ref: template },
            Version: { 'Fn::GetAtt': [template, 'LatestVersionNumber'] },
          },
          UpdateToLatestImageVersion: true,
          // Batch updates no others in place.
          AllocationStrategy: Match.stringLikeRegexp('^(BEST_FIT_PROGRESSIVE|SPOT_(PRICE_)?CAPACITY_OPTIMIZED)$'),
        },
      });
    }
  });

  test('get a new version of the launch template with each release', () => {
    templateOf('heart-site-bonn-compute').hasResourceProperties('AWS::EC2::LaunchTemplate', {
      VersionDescription: Match.stringLikeRegexp('^fedcardio \\d+\\.\\d+\\.\\d+'),
    });
  });

  test.each([
    ['true', ['EC2', 'SPOT']],
    ['"only"', ['SPOT']],
    ['false', ['EC2']],
  ])('are those that gpu.spot %s names', (spot, types) => {
    const site = { ...BONN, gpu: { spot: JSON.parse(spot) as boolean } };
    const template = synthesized({ ...FEDERATION, sites: [site] }).get('heart-site-bonn-compute') as Template;

    const environments = Object.values(template.findResources('AWS::Batch::ComputeEnvironment')) as {
      Properties: { ComputeResources: { Type: string } };
    }[];
    expect(environments.map(({ Properties }) => Properties.ComputeResources.Type).sort()).toEqual(types);
  });
});

test('the size of a GPU task is what federation.json says', () => {
  const gpu = { vcpus: 16, maxVcpus: 32, memoryMib: 60_000, gpus: 2, instanceTypes: ['g6.4xlarge'] };
  const template = synthesized({ ...FEDERATION, sites: [{ ...BONN, gpu }] }).get('heart-site-bonn-compute') as Template;

  template.hasResourceProperties('AWS::Batch::JobDefinition', {
    ContainerProperties: {
      ResourceRequirements: Match.arrayWith([
        { Type: 'MEMORY', Value: '60000' },
        { Type: 'VCPU', Value: '16' },
        { Type: 'GPU', Value: '2' },
      ]),
    },
  });
  template.allResourcesProperties('AWS::Batch::ComputeEnvironment', {
    ComputeResources: { MaxvCpus: 32, InstanceTypes: ['g6.4xlarge'] },
  });
});

describe("a host's role", () => {
  const ACCOUNT = 'arn:aws:ecs:eu-central-1:111122223333';
  const UUID = '1a6929d6-f62b-3d45-b3b5-31e7f64ae0da';
  const statements = () => {
    const roles = templateOf('heart-site-bonn-compute').findResources('AWS::IAM::Role', {
      Properties: { AssumeRolePolicyDocument: { Statement: [{ Principal: { Service: 'ec2.amazonaws.com' } }] } },
    });
    const [role] = Object.values(roles) as {
      Properties: { Policies: { PolicyDocument: { Statement: Statement[] } }[] };
    }[];
    return role?.Properties.Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement) ?? [];
  };
  const allows = (action: string, resource: string) =>
    statements().some(
      ({ Action, Resource }) =>
        [Action].flat().includes(action) && [Resource].flat().some((arn) => isLike(resource, arn)),
    );

  test.each(['spot', 'on-demand'])('registers with the cluster of its own %s environment', (kind) => {
    expect(allows('ecs:RegisterContainerInstance', `${ACCOUNT}:cluster/AWSBatch-heart-bonn-${kind}-${UUID}`)).toBe(
      true,
    );
    expect(allows('ecs:Poll', `${ACCOUNT}:container-instance/AWSBatch-heart-bonn-${kind}-${UUID}/0f1e2d3c`)).toBe(true);
  });

  test.each(['default', `AWSBatch-heart-ulm-spot-${UUID}`, `AWSBatch-heart-bonn-spot-spot-${UUID}`])(
    'has no right on the cluster %s',
    (cluster) => {
      expect(allows('ecs:RegisterContainerInstance', `${ACCOUNT}:cluster/${cluster}`)).toBe(false);
      expect(allows('ecs:SubmitTaskStateChange', `${ACCOUNT}:cluster/${cluster}`)).toBe(false);
      expect(allows('ecs:Poll', `${ACCOUNT}:container-instance/${cluster}/0f1e2d3c`)).toBe(false);
    },
  );

  test('has every resource only for the action that has none', () => {
    const unlimited = statements().filter(({ Resource }) => [Resource].flat().includes('*'));

    expect(unlimited.flatMap(({ Action }) => Action)).toEqual(['ecs:DiscoverPollEndpoint']);
  });
});

interface Statement {
  readonly Action: string | string[];
  readonly Resource: string | string[];
}

/** How an attempt of a job ended. */
interface Attempt {
  readonly statusReason?: string;
  readonly reason?: string;
  readonly exitCode?: number;
}

interface RetryStrategy {
  readonly Attempts: number;
  readonly EvaluateOnExit: readonly {
    readonly Action: 'RETRY' | 'EXIT';
    readonly OnStatusReason?: string;
    readonly OnReason?: string;
    readonly OnExitCode?: string;
  }[];
}

/** The Batch API reference, EvaluateOnExit: the first rule of which all conditions match; without one, a retry. */
const actionAfter = ({ statusReason, reason, exitCode }: Attempt, rules: RetryStrategy['EvaluateOnExit']) =>
  rules.find(
    ({ OnStatusReason, OnReason, OnExitCode }) =>
      matches(statusReason, OnStatusReason) && matches(reason, OnReason) && matches(exitCode?.toString(), OnExitCode),
  )?.Action ?? 'RETRY';

/** A pattern is compared without regard to case, and may end in `*`. */
function matches(text: string | undefined, pattern: string | undefined): boolean {
  if (pattern === undefined) return true;
  const [start, own] = [pattern.toLowerCase(), (text ?? '').toLowerCase()];
  return start.endsWith('*') ? own.startsWith(start.slice(0, -1)) : own === start;
}

/** IAM's `*` and `?`. */
const isLike = (arn: string, pattern: string): boolean =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\/]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  ).test(arn);
