import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Role } from '../../cdk/isolation/world.ts';
import type { StackTemplate } from '../../cdk/synthesize.ts';
import type { BusEvent } from './event-bus.ts';
import type { Service } from './gateway.ts';
import { nameOf, resourcesOf } from './resources.ts';

export interface CloudFormationOptions {
  /** Deployed before. */
  readonly stacks: readonly StackTemplate[];
  /** Folder with the assets of their templates. */
  readonly assembly: string;
  readonly emit: (event: BusEvent) => void;
  /** Called when a stack exists or is gone. */
  readonly onChange: () => void;
}

export interface CloudFormation {
  readonly service: Service;
  /** Templates of the stacks that functions have created. */
  created(): readonly StackTemplate[];
}

interface OwnStack extends StackTemplate {
  readonly account: string;
  readonly region: string;
  status: string;
}

/** Duration of a creation or deletion, ms. On AWS it takes minutes. */
const CHANGE_MS = 1000;

/** CloudFormation for stacks that functions create from templates among the assets: CreateStack, DescribeStacks, DeleteStack. */
export function createCloudFormation({ stacks, assembly, emit, onChange }: CloudFormationOptions): CloudFormation {
  const own = new Map<string, OwnStack>();

  async function change(stack: OwnStack, to: 'CREATE' | 'DELETE'): Promise<void> {
    const set = (status: string) => {
      stack.status = status;
      emit(eventOf(stack));
    };
    set(`${to}_IN_PROGRESS`);
    await sleep(CHANGE_MS);
    set(`${to}_COMPLETE`);
    if (to === 'DELETE') own.delete(stack.stackName);
    onChange();
  }

  function create({ StackName = '', TemplateURL = '' }: Readonly<Record<string, string>>, { account, region }: Role) {
    if (own.has(StackName)) return failure('AlreadyExistsException', `Stack [${StackName}] already exists`);
    const file = join(assembly, `asset.${nameOf(TemplateURL)}`);
    if (!existsSync(file)) return failure('ValidationError', `S3 error: no object ${TemplateURL}`);
    const template: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const stack: OwnStack = { stackName: StackName, template, account, region, status: '' };
    // Fails for an import that no stack exports.
    resourcesOf([...stacks, stack], 'EC2::VPCEndpoint').forEach(({ property }) => {
      property('VpcId');
      property('SubnetIds');
      property('SecurityGroupIds');
    });
    own.set(StackName, stack);
    void change(stack, 'CREATE');
    return success('CreateStack', `<StackId>${idOf(stack)}</StackId>`);
  }

  return {
    created: () => [...own.values()].filter(({ status }) => status === 'CREATE_COMPLETE'),
    service: async (request, caller) => {
      const { Action, StackName = '' } = request as Readonly<Record<string, string>>;
      const stack = own.get(StackName);
      if (Action === 'CreateStack') return create(request as Readonly<Record<string, string>>, caller);
      if (Action === 'DeleteStack') {
        if (stack) void change(stack, 'DELETE');
        return success('DeleteStack', '');
      }
      if (!stack) return failure('ValidationError', `Stack with id ${StackName} does not exist`);
      const fields = `<StackName>${StackName}</StackName><StackStatus>${stack.status}</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime>`;
      return success('DescribeStacks', `<Stacks><member>${fields}</member></Stacks>`);
    },
  };
}

const idOf = ({ stackName, account, region }: OwnStack): string =>
  `arn:aws:cloudformation:${region}:${account}:stack/${stackName}/1`;

const eventOf = (stack: OwnStack): BusEvent => ({
  account: stack.account,
  region: stack.region,
  source: 'aws.cloudformation',
  'detail-type': 'CloudFormation Stack Status Change',
  detail: { 'stack-id': idOf(stack), 'status-details': { status: stack.status, 'status-reason': '' } },
});

const success = (action: string, result: string) => ({
  status: 200,
  body: `<${action}Response xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><${action}Result>${result}</${action}Result></${action}Response>`,
});

const failure = (code: string, message: string) => ({
  status: 400,
  body: `<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
});
