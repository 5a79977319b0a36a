import { type Caller, callerOf } from '../../lib/aws/account/caller.ts';

/** Whose requests a profile's are. */
export interface Identity extends Caller {
  /** Undefined: the environment's. */
  readonly profile: string | undefined;
}

export interface Identities {
  readonly identities: readonly Identity[];
  /** Profiles that AWS does not accept, and why. */
  readonly refused: readonly { readonly profile: string | undefined; readonly error: unknown }[];
}

/** Asks AWS for the account of each profile; of the environment's identity if there is none. */
export async function identify(profiles: readonly string[], endpoint: string | undefined): Promise<Identities> {
  const identities: Identity[] = [];
  const refused: { profile: string | undefined; error: unknown }[] = [];
  for (const profile of profiles.length > 0 ? profiles : [undefined]) {
    try {
      identities.push({ ...(await callerOf({ endpoint, profile })), profile });
    } catch (error) {
      refused.push({ profile, error });
    }
  }
  return { identities, refused };
}
