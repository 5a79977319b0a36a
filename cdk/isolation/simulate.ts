import { anonymousPrincipal, runSimulation } from '@cloud-copilot/iam-simulate';
import type { Policy, Statement } from './resolve.ts';
import type { Guarded, Role, World } from './world.ts';

/** The principal of a request: a role, or an anonymous caller. */
export type Caller = Role | 'anonymous';

export interface Request {
  readonly caller: Caller;
  readonly action: string;
  readonly on: Guarded;
  /** Key of an object. */
  readonly key?: string;
  /** Further context keys: `s3:prefix`, `kms:ViaService`, … */
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
  /** Account and region of the network that the request comes from, of a caller without a role. */
  readonly from?: string;
  /** False for a request without TLS. */
  readonly secure?: boolean;
}

/**
 * Whether AWS would allow the request, by the policies of the role and the resource, and of the network if the caller is in
 * one.
 *
 * @param select the statements that the simulator reads. It takes as long for each of them.
 */
export async function isAllowed(world: World, request: Request, select: Select = canApply): Promise<boolean> {
  const { caller, action, on, key, context = {}, from, secure = true } = request;
  const isAnonymous = caller === 'anonymous';
  const place = isAnonymous ? from : caller.isInside ? `${caller.account}/${caller.region}` : undefined;
  const network = action.startsWith('s3:') ? world.networks.get(place ?? '') : undefined;
  const arn = key === undefined ? on.arn : `${on.arn}/${key}`;
  const read = ({ Statement, ...rest }: Policy): Policy =>
    withKnownKeys({ ...rest, Statement: select(Statement, action, arn) });
  const ofCaller = isAnonymous ? [] : [...caller.policies, ...caller.attached].map(read);
  const ofResource = read(on.policy);
  // What no statement allows is denied.
  if (![...ofCaller, ofResource].some(({ Statement }) => Statement.some(({ Effect }) => Effect === 'Allow')))
    return false;
  const answer = await runSimulation(
    {
      request: {
        principal: isAnonymous ? anonymousPrincipal : sessionOf(caller),
        action,
        resource: { resource: arn, accountId: on.account },
        contextVariables: {
          'aws:SecureTransport': String(secure),
          'aws:ResourceAccount': on.account,
          ...(action.startsWith('s3:') ? { 's3:TlsVersion': '1.3' } : {}),
          // False for the start and the parts of a multipart upload.
          ...(action === 's3:PutObject' ? { 's3:ObjectCreationOperation': 'true' } : {}),
          ...(isAnonymous
            ? {}
            : { 'aws:PrincipalArn': caller.arn, 'aws:PrincipalAccount': caller.account, ...tagsOf(caller) }),
          ...withKnownKeys(context as Record<string, string | string[]>),
        },
      },
      identityPolicies: ofCaller.map((policy, index) => ({ name: `p${index}`, policy })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: ofResource,
      ...(network ? { vpcEndpointPolicies: [{ name: 's3', policy: read(network) }] } : {}),
    },
    {},
  );
  if (answer.resultType === 'error') throw new Error(`${action} on ${on.arn}: ${JSON.stringify(answer.errors)}`);
  return answer.overallResult === 'Allowed';
}

const tagsOf = ({ tags = {} }: Role) =>
  Object.fromEntries(Object.entries(tags).map(([name, value]) => [`aws:PrincipalTag/${name}`, value]));

/** The session ARN of a function or job with the role. */
const sessionOf = ({ account, arn }: Role): string =>
  `arn:aws:sts::${account}:assumed-role/${arn.split('/').at(-1)}/session`;

/**
 * The simulator knows keys with variable parts only if a slash precedes the part (`aws:RequestTag/…`): the keys of
 * encryption contexts are renamed, in policies and in requests, to some that it knows.
 */
const withKnownKeys = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value).replaceAll('kms:EncryptionContext:', 'aws:RequestTag/kms:EncryptionContext:'));

type Select = (statements: readonly Statement[], action: string, arn: string) => readonly Statement[];

/** The statements that can apply to an action and a resource. Others change no answer. */
const canApply: Select = (statements, action, arn) =>
  statements.filter(({ Action, Resource }) => canMatch(Action, action) && canMatch(Resource, arn));

/** Whether one of the patterns may mean the value. If there is none, the statement says what it does not apply to. */
const canMatch = (patterns: string | readonly string[] | undefined, value: string): boolean =>
  patterns === undefined || [patterns].flat().some((pattern) => expressionOf(pattern).test(value));

const expressions = new Map<string, RegExp>();

/**
 * What a pattern may mean: `*`, `?` and variables such as `${aws:PrincipalTag/site}` are wild, and capital letters are not told
 * apart.
 */
function expressionOf(pattern: string): RegExp {
  const known = expressions.get(pattern);
  if (known) return known;
  const parts = pattern.split(/(\*|\?|\$\{[^}]*\})/).map((part, index) => {
    if (index % 2 === 1) return part === '?' ? '.' : '.*';
    return part.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  });
  const expression = new RegExp(`^${parts.join('')}$`, 'is');
  expressions.set(pattern, expression);
  return expression;
}
