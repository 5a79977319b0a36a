import { createHash } from 'node:crypto';
import type { Role, World } from '../../cdk/isolation/world.ts';

/** Temporary credentials of a role, as environment variables. */
export interface RoleCredentials {
  readonly AWS_ACCESS_KEY_ID: string;
  readonly AWS_SECRET_ACCESS_KEY: string;
  readonly AWS_SESSION_TOKEN: string;
}

/** Credentials that say whose they are. Their secret is not checked. */
export interface Identities {
  /** @throws Error if the templates have no such role */
  credentialsOf(role: string): RoleCredentials;
  /** The role with this access key and session token; undefined if they do not belong together. */
  roleOf(accessKeyId: string | undefined, sessionToken: string | undefined): Role | undefined;
}

export function createIdentities({ roles }: Pick<World, 'roles'>): Identities {
  const names = new Map([...roles.keys()].map((name) => [credentialsOf(name).AWS_ACCESS_KEY_ID, name]));
  return {
    credentialsOf(role) {
      if (!roles.has(role)) throw new Error(`The templates have no role ${role}.`);
      return credentialsOf(role);
    },
    roleOf(accessKeyId = '', sessionToken = '') {
      const name = names.get(accessKeyId);
      if (name === undefined || credentialsOf(name).AWS_SESSION_TOKEN !== sessionToken) return undefined;
      return roles.get(name);
    },
  };
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

const credentialsOf = (role: string): RoleCredentials => ({
  AWS_ACCESS_KEY_ID: `ASIA${digest(role).slice(0, 16).toUpperCase()}`,
  AWS_SECRET_ACCESS_KEY: digest(`secret of ${role}`).slice(0, 40),
  AWS_SESSION_TOKEN: `session-${digest(`session of ${role}`)}`,
});
