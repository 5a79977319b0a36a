import { runSimulation } from '@cloud-copilot/iam-simulate';
import { describe, expect, test } from 'vitest';
import type { Federation, Person } from '../lib/federation/schemas.ts';
import { FEDERATION, synthesizeAll } from './isolation/example-federation.ts';
import type { Policy } from './isolation/resolve.ts';
import { readWorld } from './isolation/world.ts';

const HOME = '111122223333';
const HOSPITAL = '999900001111';
const ROLE = `arn:aws:iam::${HOSPITAL}:role/radiology`;
const SAML = `arn:aws:iam::${HOME}:saml-provider/hospital`;
/** The simulator knows the claims of a few providers only. */
const ISSUER = 'accounts.google.com';
const OIDC = `arn:aws:iam::${HOME}:oidc-provider/${ISSUER}`;

const [BONN] = FEDERATION.sites as [Federation['sites'][number]];
const rolesOf = (people: readonly Person[]) => {
  const site = { ...BONN, uploaders: [...people], withdrawers: [...people] };
  return readWorld(synthesizeAll({ ...FEDERATION, researchers: [...people], sites: [site] })).roles;
};

interface Attempt {
  readonly principal: string;
  readonly action?: string;
  readonly context?: Readonly<Record<string, string>>;
}

/** Whether AWS would let the principal, whose own account allows everything, assume the role. */
async function mayAssume(trust: Policy, { principal, action = 'sts:AssumeRole', context = {} }: Attempt) {
  const account = principal.split(':')[4] as string;
  const answer = await runSimulation(
    {
      request: {
        principal,
        action,
        resource: { resource: `arn:aws:iam::${HOME}:role/heart-bonn-upload`, accountId: HOME },
        contextVariables: {
          'aws:PrincipalArn': principal.replace(':sts:', ':iam:').replace(/assumed-role\/(.+)\/[^/]+$/, 'role/$1'),
          'aws:PrincipalAccount': account,
          ...context,
        },
      },
      identityPolicies: principal.includes('provider')
        ? []
        : [
            {
              name: 'all',
              policy: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] },
            },
          ],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: trust,
    },
    {},
  );
  if (answer.resultType === 'error') throw new Error(JSON.stringify(answer.errors));
  return answer.overallResult === 'Allowed';
}

const web = { principal: OIDC, action: 'sts:AssumeRoleWithWebIdentity' };
const claims = (aud: string, sub: string) => ({ [`${ISSUER}:aud`]: aud, [`${ISSUER}:sub`]: sub });
const sso = (name: string, path = 'eu-central-1/') =>
  `arn:aws:iam::${HOSPITAL}:role/aws-reserved/sso.amazonaws.com/${path}AWSReservedSSO_${name}_0123456789abcdef`;

describe.each<[string, Person, readonly Attempt[], readonly Attempt[]]>([
  [
    'an ARN',
    ROLE,
    [{ principal: ROLE }],
    [{ principal: `arn:aws:iam::${HOSPITAL}:role/cardiology` }, { principal: `arn:aws:iam::${HOME}:role/admin` }],
  ],
  [
    'a role with an external id',
    { role: ROLE, externalId: 'bonn-4711' },
    [{ principal: ROLE, context: { 'sts:ExternalId': 'bonn-4711' } }],
    [
      { principal: ROLE },
      { principal: ROLE, context: { 'sts:ExternalId': 'ulm-4711' } },
      { principal: `arn:aws:iam::${HOSPITAL}:role/other`, context: { 'sts:ExternalId': 'bonn-4711' } },
    ],
  ],
  [
    'a SAML provider',
    { saml: SAML },
    [
      {
        principal: SAML,
        action: 'sts:AssumeRoleWithSAML',
        context: { 'SAML:aud': 'https://signin.aws.amazon.com/saml' },
      },
    ],
    [
      { principal: SAML, action: 'sts:AssumeRoleWithSAML', context: { 'SAML:aud': 'https://elsewhere.example' } },
      {
        principal: `arn:aws:iam::${HOME}:saml-provider/other`,
        action: 'sts:AssumeRoleWithSAML',
        context: { 'SAML:aud': 'https://signin.aws.amazon.com/saml' },
      },
      { principal: ROLE },
    ],
  ],
  [
    'an OIDC provider with claims',
    { oidc: { provider: OIDC, claims: { aud: 'fedcardio', sub: ['anna', 'ben'] } } },
    [{ ...web, context: claims('fedcardio', 'ben') }],
    [
      { ...web, context: claims('fedcardio', 'carl') },
      { ...web, context: claims('other', 'anna') },
      { ...web },
      { ...web, principal: `arn:aws:iam::${HOME}:oidc-provider/evil.example`, context: claims('fedcardio', 'anna') },
    ],
  ],
  [
    'a permission set of IAM Identity Center',
    { permissionSet: 'Upload', account: HOSPITAL },
    [{ principal: sso('Upload') }, { principal: sso('Upload', '') }],
    [
      { principal: sso('Upload_Other') },
      { principal: sso('NotUpload') },
      { principal: sso('Upload').replace(HOSPITAL, HOME) },
      { principal: `arn:aws:iam::${HOSPITAL}:role/AWSReservedSSO_Upload_0123456789abcdef` },
      { principal: ROLE },
    ],
  ],
])('roles of people named by %s', (_what, person, allowed, refused) => {
  const roles = rolesOf([person]);

  test.each(['heart-bonn-upload', 'heart-bonn-withdraw', 'heart-research'])('let only them assume %s', async (name) => {
    const trust = roles.get(name)?.trust as Policy;

    for (const attempt of allowed) expect(await mayAssume(trust, attempt), JSON.stringify(attempt)).toBe(true);
    for (const attempt of refused) expect(await mayAssume(trust, attempt), JSON.stringify(attempt)).toBe(false);
  });
});

test('a role of several kinds of people lets each in on its own terms', async () => {
  const trust = rolesOf([ROLE, { saml: SAML }, { role: `${ROLE}-2`, externalId: 'bonn-4711' }]).get('heart-bonn-upload')
    ?.trust as Policy;

  expect(await mayAssume(trust, { principal: ROLE })).toBe(true);
  expect(await mayAssume(trust, { principal: `${ROLE}-2` })).toBe(false);
  expect(await mayAssume(trust, { principal: `${ROLE}-2`, context: { 'sts:ExternalId': 'bonn-4711' } })).toBe(true);
});

test('the claims of a provider with a path are named after its whole address', () => {
  const provider = `arn:aws:iam::${HOME}:oidc-provider/login.hospital.example/realms/main`;
  const trust = rolesOf([{ oidc: { provider, claims: { aud: 'fedcardio', sub: 'anna' } } }]).get('heart-bonn-upload')
    ?.trust as Policy;

  expect(trust.Statement).toEqual([
    {
      Effect: 'Allow',
      Action: 'sts:AssumeRoleWithWebIdentity',
      Principal: { Federated: provider },
      Condition: {
        StringEquals: {
          'login.hospital.example/realms/main:aud': 'fedcardio',
          'login.hospital.example/realms/main:sub': 'anna',
        },
      },
    },
  ]);
});

test('without people there is no role', () => {
  expect([...rolesOf([]).keys()].filter((name) => /upload|withdraw|research/.test(name))).toEqual([]);
});
