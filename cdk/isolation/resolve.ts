/** Policies as CloudFormation would store them: intrinsic functions evaluated, pseudo parameters filled in. */

export type Json = null | string | number | boolean | readonly Json[] | { readonly [key: string]: Json };

export interface Statement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action?: string | readonly string[];
  readonly NotAction?: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly NotResource?: string | readonly string[];
  readonly Principal?: Json;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, Json>>>>;
}

export interface Policy {
  readonly Version: string;
  readonly Statement: readonly Statement[];
}

interface Place {
  readonly account: string;
  readonly region: string;
}

type Resources = Readonly<
  Record<string, { readonly Type: string; readonly Properties?: Readonly<Record<string, Json>> }>
>;

interface Kind {
  /** The property that holds the name. */
  readonly name: string;
  readonly arn: string;
  /** Whether `Ref` returns the ARN instead of the name. */
  readonly refersByArn?: true;
}

const KINDS: Readonly<Record<string, Kind>> = {
  'AWS::S3::Bucket': { name: 'BucketName', arn: 'arn:aws:s3:::NAME' },
  'AWS::SQS::Queue': { name: 'QueueName', arn: 'arn:aws:sqs:REGION:ACCOUNT:NAME' },
  'AWS::IAM::Role': { name: 'RoleName', arn: 'arn:aws:iam::ACCOUNT:role/NAME' },
  // A key has no name, only an id.
  'AWS::KMS::Key': { name: '', arn: 'arn:aws:kms:REGION:ACCOUNT:key/NAME' },
  'AWS::Lambda::Function': { name: 'FunctionName', arn: 'arn:aws:lambda:REGION:ACCOUNT:function:NAME' },
  'AWS::Events::Rule': { name: 'Name', arn: 'arn:aws:events:REGION:ACCOUNT:rule/NAME' },
  'AWS::SNS::Topic': { name: 'TopicName', arn: 'arn:aws:sns:REGION:ACCOUNT:NAME', refersByArn: true },
  'AWS::Batch::JobQueue': {
    name: 'JobQueueName',
    arn: 'arn:aws:batch:REGION:ACCOUNT:job-queue/NAME',
    refersByArn: true,
  },
  // The number of the first revision.
  'AWS::Batch::JobDefinition': {
    name: 'JobDefinitionName',
    arn: 'arn:aws:batch:REGION:ACCOUNT:job-definition/NAME:1',
    refersByArn: true,
  },
};

/** @param exports values of other stacks' exports, by name */
export function createResolver(
  stackName: string,
  resources: Resources,
  { account, region }: Place,
  exports: ReadonlyMap<string, Json> = new Map(),
) {
  const pseudo: Readonly<Record<string, string>> = {
    'AWS::AccountId': account,
    'AWS::Region': region,
    'AWS::Partition': 'aws',
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackName': stackName,
  };

  /** The name of a resource. One that CloudFormation would generate is made from stack and id. */
  function nameOf(id: string): string {
    const { Type = '', Properties = {} } = resources[id] ?? {};
    const name = Properties[KINDS[Type]?.name ?? ''];
    return name === undefined ? `${stackName}-${id}`.toLowerCase() : (resolve(name) as string);
  }

  /** The ARN that a resource will have. */
  function arnOf(id: string): string {
    const arn = KINDS[resources[id]?.Type ?? '']?.arn ?? 'arn:aws:other:REGION:ACCOUNT:NAME';
    return arn.replace('REGION', region).replace('ACCOUNT', account).replace('NAME', nameOf(id));
  }

  /** What `Ref` returns: the name of a resource or, for some types, its ARN. */
  const referenceOf = (id: string): string => (KINDS[resources[id]?.Type ?? '']?.refersByArn ? arnOf(id) : nameOf(id));

  function resolve(value: Json): Json {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(resolve);
    const entries = Object.entries(value as Readonly<Record<string, Json>>);
    const [[fn, argument] = ['', null]] = entries;
    if (entries.length !== 1 || !/^(Ref$|Fn::)/.test(fn)) {
      return Object.fromEntries(entries.map(([key, inner]) => [key, resolve(inner)]));
    }
    if (fn === 'Ref') return pseudo[argument as string] ?? referenceOf(argument as string);
    if (fn === 'Fn::GetAtt') return arnOf((argument as readonly string[])[0] as string);
    if (fn === 'Fn::ImportValue') {
      const exported = exports.get(`${account}/${region}/${argument}`);
      if (exported === undefined) throw new Error(`${stackName}: nothing exports ${argument}`);
      return exported;
    }
    if (fn === 'Fn::Join') {
      const [separator, parts] = resolve(argument) as readonly [string, readonly string[]];
      return parts.join(separator);
    }
    if (fn === 'Fn::Sub') {
      const [text, given] = (Array.isArray(argument) ? argument : [argument, {}]) as unknown as readonly [
        string,
        typeof pseudo,
      ];
      // A name that is no resource's is the policy's own variable.
      return text.replace(/\$\{([\w.:]+)\}/g, (whole, name: string) => {
        const [id = '', attribute] = name.split('.');
        if (Object.hasOwn(given, name)) return resolve(given[name] as Json) as string;
        if (Object.hasOwn(pseudo, name)) return pseudo[name] as string;
        if (!Object.hasOwn(resources, id)) return whole;
        return attribute === undefined ? referenceOf(id) : arnOf(id);
      });
    }
    throw new Error(`${stackName}: ${fn} is not understood`);
  }

  return { resolve, arnOf };
}
