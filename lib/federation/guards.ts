import { FEDERATION_ACCESS, machineAccess, type ObjectAccess, siteAccess } from './access.ts';
import { FEDERATION_ROLES, type FederationRole, SITE_ROLES, type SiteRole } from './topology.ts';

/**
 * What the policies of buckets deny, whatever the policies of roles allow: everything that `access.ts` does not allow.
 * cdk/bucket-guards.ts makes policy statements of it.
 */

/** Uses of an object. `erase` removes versions for good. */
const USES = ['read', 'write', 'delete', 'erase'] as const;
export type Use = (typeof USES)[number];

/** Denies a use of objects to some principals. */
export interface Guard<R extends string> {
  readonly use: Use;
  /** Patterns of the keys, or of all keys but these. */
  readonly keys: readonly string[] | { readonly except: readonly string[] };
  /** Only to these roles, or to all principals but these. */
  readonly roles: readonly R[] | { readonly except: readonly R[] };
}

/** Tag of every role of a site, with the site's id. It makes one statement of a policy hold for all sites. */
export const SITE_TAG = 'fedcardio-site';
/** The site of the principal, in a policy; no site for a principal without the tag. */
export const TAGGED_SITE = `\${aws:PrincipalTag/${SITE_TAG}, '-'}`;

/** The guards of a site's bucket: each use of each object by the roles that the site's table names, by nobody else. */
export function siteGuards(site: string): readonly Guard<SiteRole>[] {
  const access = siteAccess(site);
  const own = (role: SiteRole) => access[role].own;
  return USES.flatMap((use) => [
    ...groupsOf(use, SITE_ROLES, own).map(({ keys, roles }) => ({ use, keys, roles: { except: roles } })),
    rest(use, SITE_ROLES.map(own), { except: [] }),
  ]);
}

/**
 * The guards of the federation bucket. Roles of the coordinator use what its table gives each. A site's roles use together
 * what the site's table gives them: the tag says which site it is. Everybody else uses nothing.
 */
export function federationGuards(): readonly Guard<FederationRole>[] {
  const access = (role: FederationRole) => FEDERATION_ACCESS[role];
  const sites = machineAccess(TAGGED_SITE);
  return USES.flatMap((use): readonly Guard<FederationRole>[] => {
    const groups = groupsOf(use, FEDERATION_ROLES, access);
    if (groups.length === 0 && !sites[use]?.length) return [rest(use, [], { except: [] })];
    return [
      ...groups.flatMap(({ keys, roles }) => {
        const others = FEDERATION_ROLES.filter((role) => !roles.includes(role));
        return others.length > 0 ? [{ use, keys, roles: others }] : [];
      }),
      // Each key of a campaign has a guard above. A policy has no room to name all of them twice.
      rest(
        use,
        FEDERATION_ROLES.map(access).map((one) => ({ [use]: belowCampaigns(one[use]) })),
        FEDERATION_ROLES,
      ),
      rest(use, [sites], { except: FEDERATION_ROLES }),
    ];
  });
}

/** Patterns that the same roles use. */
function groupsOf<R extends string>(use: Use, roles: readonly R[], accessOf: (role: R) => ObjectAccess) {
  const patterns = [...new Set(roles.flatMap((role) => accessOf(role)[use] ?? []))];
  const groups = new Map<string, { readonly keys: string[]; readonly roles: readonly R[] }>();
  for (const pattern of patterns) {
    const users = roles.filter((role) => accessOf(role)[use]?.includes(pattern));
    const group = groups.get(users.join()) ?? { keys: [], roles: users };
    group.keys.push(pattern);
    groups.set(users.join(), group);
  }
  return [...groups.values()];
}

/** Patterns of keys below `campaigns/` as one. */
const belowCampaigns = (patterns: readonly string[] = []): readonly string[] => [
  ...new Set(patterns.map((pattern) => (pattern.startsWith('campaigns/') ? 'campaigns/*' : pattern))),
];

/** Denies the use of all keys that no pattern names. */
const rest = <R extends string>(use: Use, access: readonly ObjectAccess[], roles: Guard<R>['roles']): Guard<R> => ({
  use,
  keys: { except: [...new Set(access.flatMap((one) => one[use] ?? []))] },
  roles,
});
