import { anonymousPrincipal, runSimulation } from '@cloud-copilot/iam-simulate';
import type { Policy } from './resolve.ts';
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
 */
export async function isAllowed(
  world: World,
  { caller, action, on, key, context = {}, from, secure = true }: Request,
): Promise<boolean> {
  const isAnonymous = caller === 'anonymous';
  const place = isAnonymous ? from : caller.isInside ? `${caller.account}/${caller.region}` : undefined;
  const network = action.startsWith('s3:') ? world.networks.get(place ?? '') : undefined;
  const answer = await runSimulation(
    {
      request: {
        principal: isAnonymous ? anonymousPrincipal : sessionOf(caller),
        action,
        resource: { resource: key === undefined ? on.arn : `${on.arn}/${key}`, accountId: on.account },
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
      identityPolicies: isAnonymous
        ? []
        : [...caller.policies, ...caller.attached].map((policy, index) => ({
            name: `p${index}`,
            policy: relevant(policy, action),
          })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: relevant(on.policy, action),
      ...(network ? { vpcEndpointPolicies: [{ name: 's3', policy: relevant(network, action) }] } : {}),
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

/** By policy and action: what the simulator reads of it. */
const read = new WeakMap<Policy, Map<string, Policy>>();

/**
 * The statements of a policy that can apply to an action. Others change no answer, and the simulator takes as long for each of
 * them.
 */
function relevant(policy: Policy, action: string): Policy {
  const known = read.get(policy) ?? new Map<string, Policy>();
  read.set(policy, known);
  const found = known.get(action);
  if (found) return found;
  const { Statement, ...rest } = policy;
  const statements = Statement.filter(({ Action }) => Action === undefined || [Action].flat().some(matches(action)));
  const result = withKnownKeys({ ...rest, Statement: statements });
  known.set(action, result);
  return result;
}

/** Whether a pattern of actions, in which `*` and `?` are wild, has an action. */
const matches = (action: string) => (pattern: string) =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    'i',
  ).test(action);
