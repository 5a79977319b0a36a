import * as iam from 'aws-cdk-lib/aws-iam';
import { Aws, Duration, type Stack } from 'aws-cdk-lib/core';
import type { Person } from '../lib/federation/schemas.ts';

interface PeopleRole {
  /** Also the start of the role's id in the template. */
  readonly name: string;
  readonly roleName: string;
  readonly description: string;
  readonly statements: iam.PolicyStatement[];
}

/** A role that people assume. There is none without people who may. */
export function addPeopleRole(
  stack: Stack,
  people: readonly Person[] = [],
  { name, roleName, description, statements }: PeopleRole,
): iam.Role | undefined {
  if (people.length === 0) return undefined;
  return new iam.Role(stack, `${name}Role`, {
    roleName,
    description,
    assumedBy: new iam.CompositePrincipal(...people.map(principalOf)),
    maxSessionDuration: Duration.hours(12),
    inlinePolicies: { [name]: new iam.PolicyDocument({ statements }) },
  });
}

/** Where AWS's sign-in page and its tools accept SAML assertions. */
const SAML_AUDIENCE = 'https://signin.aws.amazon.com/saml';

/** The principal and the conditions of a role's trust policy. */
function principalOf(person: Person): iam.PrincipalBase {
  if (typeof person === 'string') return new iam.ArnPrincipal(person);
  const { role, externalId, saml, oidc, permissionSet, account } = person;
  if (role !== undefined) {
    return new iam.ArnPrincipal(role).withConditions({ StringEquals: { 'sts:ExternalId': externalId } });
  }
  if (saml !== undefined) {
    return new iam.FederatedPrincipal(saml, { StringEquals: { 'SAML:aud': SAML_AUDIENCE } }, 'sts:AssumeRoleWithSAML');
  }
  if (oidc !== undefined) {
    const issuer = oidc.provider.slice(oidc.provider.indexOf('oidc-provider/') + 'oidc-provider/'.length);
    const claims = Object.entries(oidc.claims).map(([claim, value]) => [`${issuer}:${claim}`, value]);
    return new iam.FederatedPrincipal(
      oidc.provider,
      { StringEquals: Object.fromEntries(claims) },
      'sts:AssumeRoleWithWebIdentity',
    );
  }
  // Roles of permission sets: `AWSReservedSSO_<name>_<16 hexadecimal digits>`, below a path with or without a region. A trust
  // policy cannot name them as principals, since their names change when they are assigned again.
  const roles = ['', '*/'].map(
    (path) =>
      `arn:${Aws.PARTITION}:iam::${account}:role/aws-reserved/sso.amazonaws.com/${path}AWSReservedSSO_${permissionSet}_${'?'.repeat(16)}`,
  );
  return new iam.AccountPrincipal(account).withConditions({ ArnLike: { 'aws:PrincipalArn': roles } });
}
