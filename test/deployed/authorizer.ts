import { isAllowed } from '../../cdk/isolation/simulate.ts';
import { type EncryptionKey, type Guarded, type Role, readWorld, type World } from '../../cdk/isolation/world.ts';
import type { StackTemplate } from '../../cdk/synthesize.ts';
import type { Access } from './access.ts';
import { nameOf, resourcesOf } from './resources.ts';

/** A question and the caller who asks it. */
export interface Asked {
  readonly caller: Role;
  readonly access: Access;
}

/** Answers what AWS would allow, by the policies of the templates. */
export interface Authorizer {
  readonly world: World;
  /** Whether a role of the caller's name may do this, encryption included. */
  may(asked: Asked): Promise<boolean>;
}

/** Has no policy of its own. */
const NO_POLICY: Guarded['policy'] = { Version: '2012-10-17', Statement: [] };

export function createAuthorizer(stacks: readonly StackTemplate[]): Authorizer {
  const world = readWorld(stacks);
  const encryption = readEncryption(stacks, world);
  /** Answers by everything that they depend on. */
  const known = new Map<string, Promise<boolean>>();

  function ask({ caller: { arn }, access: { action, on, key, context = {} } }: Asked): Promise<boolean> {
    const caller = world.roles.get(nameOf(arn)) as Role;
    const id = JSON.stringify([caller.arn, action, on, key, context]);
    const answer =
      known.get(id) ??
      isAllowed(world, {
        caller,
        action,
        on: guardedOf(world, caller, on),
        ...(key === undefined ? {} : { key }),
        context,
      });
    known.set(id, answer);
    return answer;
  }

  return {
    world,
    async may({ caller, access }) {
      const { on, encryption: uses = [] } = access;
      if (!(await ask({ caller, access }))) return false;
      const used = uses.length === 0 ? undefined : encryption(on);
      if (!used) return true;
      const answers = await Promise.all(uses.map((action) => ask({ caller, access: { action, ...used } })));
      return answers.every(Boolean);
    },
  };
}

/** A bucket, queue or key with its policy, or something else that has none. */
function guardedOf({ buckets, queues, keys }: World, { account, region }: Role, on: string): Guarded {
  const key = [...keys.values()].find(({ arn }) => arn === on);
  return buckets.get(on) ?? queues.get(on) ?? key ?? { arn: on, account, region, policy: NO_POLICY };
}

type Encryption = (on: string) => Pick<Access, 'on' | 'context'> | undefined;

/** The customer's keys of buckets and queues, and the context of their use. Keys that AWS manages need no permission. */
function readEncryption(stacks: readonly StackTemplate[], { keys, buckets, queues }: World): Encryption {
  const queueKeys = new Map(
    resourcesOf(stacks, 'SQS::Queue').map(({ arn, property }) => [nameOf(arn), property<string>('KmsMasterKeyId')]),
  );
  const keyOf = (on: string): EncryptionKey | undefined => {
    if (buckets.has(on)) return keys.get(`alias/${on}`);
    const id = queueKeys.get(on);
    const found = [...keys.values()].find(({ arn }) => arn === id);
    if (id !== undefined && !found) throw new Error(`The templates have no key ${id} of ${on}.`);
    return found && { ...found, context: { 'kms:EncryptionContext:aws:sqs:arn': queues.get(on)?.arn as string } };
  };
  return (on) => {
    const key = keyOf(on);
    if (!key) return undefined;
    const service = `${buckets.has(on) ? 's3' : 'sqs'}.${key.region}.amazonaws.com`;
    return {
      on: key.arn,
      context: { ...key.context, 'kms:ViaService': service, 'kms:ResourceAliases': key.aliases },
    };
  };
}
