import { Match, Template } from 'aws-cdk-lib/assertions';
import { App, Stack } from 'aws-cdk-lib/core';
import { beforeAll, describe, expect, test } from 'vitest';
import { endpointsTemplate } from './endpoints-template.ts';
import { FEDERATION, synthesizeAll } from './isolation/example-federation.ts';
import { isAllowed } from './isolation/simulate.ts';
import { type Guarded, type Role, readWorld, type World } from './isolation/world.ts';

let templates: ReadonlyMap<string, Template>;
let world: World;
beforeAll(() => {
  const stacks = synthesizeAll(FEDERATION);
  world = readWorld(stacks);
  templates = new Map(
    stacks.map(({ stackName, template }) => [stackName, Template.fromJSON(template as Record<string, unknown>)]),
  );
});
const network = () => templates.get('heart-network') as Template;

describe('a network', () => {
  test('has no interface endpoint that is paid while no job runs, except that to S3 of another region', () => {
    const interfaces = (name: string) =>
      Object.values(
        templates.get(name)?.findResources('AWS::EC2::VPCEndpoint', { Properties: { VpcEndpointType: 'Interface' } }) ??
          {},
      ).map(({ Properties }) => (Properties as { ServiceName: string }).ServiceName);

    expect(interfaces('heart-network')).toEqual([]);
    expect(interfaces('heart-network-444455556666-eu-west-1')).toEqual(['com.amazonaws.eu-central-1.s3']);
  });

  test('calls the function for submitted jobs of its federation, and every five minutes', () => {
    const [id] = Object.keys(
      network().findResources('AWS::Lambda::Function', { Properties: { FunctionName: 'heart-endpoints' } }),
    );
    network().hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['aws.batch'],
        'detail-type': ['Batch Job State Change'],
        detail: {
          status: ['SUBMITTED', 'RUNNABLE'],
          jobQueue: [{ prefix: 'arn:aws:batch:eu-central-1:111122223333:job-queue/heart-' }],
        },
      },
      Targets: [Match.objectLike({ Arn: { 'Fn::GetAtt': [id, 'Arn'] } })],
    });
    network().hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'rate(5 minutes)',
      Target: Match.objectLike({ Arn: { 'Fn::GetAtt': [id, 'Arn'] } }),
    });
  });

  test('contains the functions that read CTs, and no others', () => {
    const inside = [...templates.values()].flatMap((template) =>
      Object.values(template.findResources('AWS::Lambda::Function', { Properties: { VpcConfig: Match.anyValue() } })),
    );
    const names = inside.map(({ Properties }) => (Properties as { FunctionName: string }).FunctionName);

    expect(names.toSorted()).toEqual(
      ['bonn', 'graz', 'ulm'].flatMap((site) => [`heart-${site}-intake`, `heart-${site}-rescan`]),
    );
  });

  test('lets CloudFormation create endpoints of six services in this network, and delete those only', () => {
    network().hasResourceProperties('AWS::IAM::Role', {
      AssumeRolePolicyDocument: {
        Statement: [Match.objectLike({ Principal: { Service: 'cloudformation.amazonaws.com' } })],
      },
      Policies: [
        {
          PolicyDocument: {
            Statement: [
              { Action: 'ec2:CreateVpcEndpoint', Resource: [Match.anyValue(), Match.anyValue(), Match.anyValue()] },
              {
                Action: 'ec2:CreateVpcEndpoint',
                Condition: {
                  StringEquals: {
                    'ec2:VpceServiceName': ['ecr.api', 'ecr.dkr', 'logs', 'ecs', 'ecs-agent', 'ecs-telemetry'].map(
                      (service) => `com.amazonaws.eu-central-1.${service}`,
                    ),
                  },
                },
              },
              { Action: 'ec2:CreateTags', Condition: { StringEquals: { 'ec2:CreateAction': 'CreateVpcEndpoint' } } },
              {
                Action: 'ec2:DeleteVpcEndpoints',
                Condition: { StringEquals: { 'aws:ResourceTag/fedcardio-stack': 'heart-network-endpoints' } },
              },
              { Action: Match.arrayWith(['ec2:DescribeVpcEndpoints']) },
              { Action: 'route53:AssociateVPCWithHostedZone' },
            ].map((statement) => Match.objectLike({ Effect: 'Allow', ...statement })),
          },
        },
      ],
    });
  });
});

describe('the function of a network', () => {
  const at = (resource: string): Guarded => ({
    arn: `arn:aws:${resource}`,
    account: '111122223333',
    region: 'eu-central-1',
    policy: { Version: '2012-10-17', Statement: [] },
  });
  const STACK = 'cloudformation:eu-central-1:111122223333:stack/heart-network-endpoints/1';
  let context: Readonly<Record<string, string>>;
  let may: (action: string, resource: string, more?: Readonly<Record<string, string>>) => Promise<boolean>;
  beforeAll(() => {
    const caller = world.roles.get('heart-endpoints') as Role;
    const [create] = caller.policies
      .flatMap(({ Statement }) => Statement)
      .filter(({ Action }) => [Action].flat().includes('cloudformation:CreateStack'));
    context = create?.Condition?.StringEquals as Readonly<Record<string, string>>;
    may = (action, resource, more = context) => isAllowed(world, { caller, action, on: at(resource), context: more });
  });

  test('may create its stack, from its template and with its role, and delete it', async () => {
    expect(Object.keys(context).toSorted()).toEqual(['cloudformation:RoleArn', 'cloudformation:TemplateUrl']);
    expect(await may('cloudformation:CreateStack', STACK)).toBe(true);
    expect(await may('cloudformation:DeleteStack', STACK, {})).toBe(true);
  });

  test.each([
    ['another template', 'cloudformation:TemplateUrl', 'https://s3.eu-central-1.amazonaws.com/thief/template.json'],
    ['another role', 'cloudformation:RoleArn', 'arn:aws:iam::111122223333:role/admin'],
  ])('may not create it with %s, or with none', async (_what, key, value) => {
    const { [key]: _, ...without } = context;

    expect(await may('cloudformation:CreateStack', STACK, { ...context, [key]: value })).toBe(false);
    expect(await may('cloudformation:CreateStack', STACK, without)).toBe(false);
  });

  test.each([
    ['update its stack', 'cloudformation:UpdateStack', STACK],
    ['create another stack', 'cloudformation:CreateStack', STACK.replace('-endpoints', '')],
    ['delete another stack', 'cloudformation:DeleteStack', STACK.replace('network-endpoints', 'site-bonn-data')],
    ['delete the network', 'cloudformation:DeleteStack', STACK.replace('-endpoints', '')],
    ['create an endpoint itself', 'ec2:CreateVpcEndpoint', 'ec2:eu-central-1:111122223333:vpc-endpoint/vpce-1'],
    ['pass another role', 'iam:PassRole', 'iam::111122223333:role/admin'],
    ['submit a job', 'batch:SubmitJob', 'batch:eu-central-1:111122223333:job-queue/heart-bonn'],
  ])('may not %s', async (_what, action, resource) => {
    expect(await may(action, resource)).toBe(false);
  });
});

test('the template of the endpoints lets own accounts in only, and is complete before hosts can join', () => {
  const stack = new Stack(new App(), 'heart-network', { env: { account: '111122223333', region: 'eu-central-1' } });
  const exports = { vpc: 'v', subnet: 's', securityGroup: 'g' };
  const template = Template.fromJSON(
    endpointsTemplate(stack, 'heart-network-endpoints', exports, ['111122223333'], { project: 'tavi' }) as Record<
      string,
      unknown
    >,
  );

  template.resourceCountIs('AWS::EC2::VPCEndpoint', 6);
  template.allResourcesProperties('AWS::EC2::VPCEndpoint', {
    VpcEndpointType: 'Interface',
    VpcId: { 'Fn::ImportValue': 'v' },
    SubnetIds: [{ 'Fn::ImportValue': 's' }],
    SecurityGroupIds: [{ 'Fn::ImportValue': 'g' }],
    PolicyDocument: {
      Statement: [
        {
          Effect: 'Allow',
          Principal: '*',
          Action: '*',
          Resource: '*',
          Condition: { StringEquals: { 'aws:PrincipalAccount': ['111122223333'] } },
        },
      ],
    },
    Tags: [
      { Key: 'project', Value: 'tavi' },
      { Key: 'fedcardio-stack', Value: 'heart-network-endpoints' },
    ],
  });
  const ofHosts = template.findResources('AWS::EC2::VPCEndpoint', {
    Properties: { ServiceName: Match.stringLikeRegexp('\\.ecs') },
  });
  expect(Object.values(ofHosts).map(({ DependsOn }) => DependsOn)).toEqual([
    ['EcrApi', 'EcrDocker', 'Logs'],
    ['EcrApi', 'EcrDocker', 'Logs'],
    ['EcrApi', 'EcrDocker', 'Logs'],
  ]);
  // Without parameters, its caller decides on nothing.
  expect(template.toJSON()).not.toHaveProperty('Parameters');
});
