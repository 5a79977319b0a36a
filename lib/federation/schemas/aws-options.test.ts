import { describe, expect, test } from 'vitest';
import { parseValue } from '../../json.ts';
import { federationSchema } from './federation.ts';

const HOME = { account: '111122223333', region: 'eu-central-1' };
const AWAY = { account: '444455556666', region: 'eu-west-1' };
const IMAGE = '444455556666.dkr.ecr.eu-west-1.amazonaws.com/fedcardio:0.1.0';
const HOME_IMAGE = '111122223333.dkr.ecr.eu-central-1.amazonaws.com/fedcardio:0.1.0';
const ROLE = 'arn:aws:iam::999900001111:role/radiology';
const SAML = 'arn:aws:iam::111122223333:saml-provider/hospital';
const OIDC = 'arn:aws:iam::111122223333:oidc-provider/login.hospital.example';
const claims = { aud: 'fedcardio', sub: 'anna' };

const federation = (changes: object, site: object = {}) => ({
  schema: 'fedcardio.federation/1',
  id: 'heart',
  ...HOME,
  sites: [{ id: 'bonn', name: 'Bonn', ...site }],
  ...changes,
});
const site = (changes: object) => federation({}, changes);
const uploader = (person: unknown) => site({ uploaders: [person] });

describe('options of federation.json on AWS', () => {
  test.each([
    ['people by every way', site({ uploaders: [ROLE, { saml: SAML }, { oidc: { provider: OIDC, claims } }] })],
    ['an external id', uploader({ role: ROLE, externalId: 'bonn-4711' })],
    ['a permission set', uploader({ permissionSet: 'Upload', account: '999900001111' })],
    ['several values of a claim', uploader({ oidc: { provider: OIDC, claims: { aud: 'a', sub: ['b', 'c'] } } })],
    ['people of all roles', federation({ researchers: [{ saml: SAML }] }, { withdrawers: [{ saml: SAML }] })],
    ['subscribers', federation({ subscribers: ['duty@hospital.example', 'https://alarms.example/hook?id=1'] })],
    ['a subscriber of a site', site({ subscribers: ['arn:aws:sqs:eu-central-1:111122223333:alarms'] })],
    [
      'a larger GPU task',
      site({
        gpu: { instanceTypes: ['g5.12xlarge'], vcpus: 16, maxVcpus: 48, memoryMib: 60_000, gpus: 2, spot: 'only' },
      }),
    ],
    ['all of a default host', site({ gpu: { vcpus: 4, memoryMib: 15_360, gpus: 1 } })],
    ['no spot hosts', site({ gpu: { spot: false } })],
    ['zones', federation({ zones: ['eu-central-1a', 'eu-central-1c'] })],
    ['zones of a site', site({ ...AWAY, image: IMAGE, zones: ['eu-west-1b'] })],
    ['tags', federation({ tags: { 'cost-centre': 'cardiology 7', Owner: 'Zoë' } })],
    ['a budget', federation({ budget: { usdPerMonth: 49.5, email: 'billing@hospital.example' } })],
    ['a trail and reserved concurrency', federation({ trail: true, reservedConcurrency: true })],
    ['an image by digest', federation({ image: HOME_IMAGE.replace(':0.1.0', `@sha256:${'0a'.repeat(32)}`) })],
  ])('may have %s', (_what, value) => {
    expect(parseValue(value, federationSchema, 'federation.json')).toEqual(value);
  });

  test.each([
    [
      'tags that differ in case only',
      federation({ tags: { Project: 'a', project: 'b' } }),
      'tags: two tags differ only in',
    ],
    ['a tag of fedcardio', federation({ tags: { 'Fedcardio-stack': 'x' } }), 'belong to fedcardio'],
    ['an image of another region', federation({ image: IMAGE }), 'image: the image is not in eu-central-1'],
    ["an image out of its network's reach", site({ image: IMAGE }), 'sites[0].image: the image is not in eu-central-1'],
    [
      'two machines that sign in as one principal',
      federation({ sites: ['kiel', 'jena'].map((id) => ({ id, name: id, place: 'on-premises', principal: ROLE })) }),
      'sites[1]: it signs in as "kiel" does',
    ],
    ['a person of no kind', uploader({}), 'sites[0].uploaders[0]: expected one of role, saml, oidc, permissionSet'],
    ['a person of two kinds', uploader({ saml: SAML, role: ROLE, externalId: 'x1' }), 'uploaders[0]: expected one of'],
    ['a role without its external id', uploader({ role: ROLE }), 'uploaders[0].externalId: role needs externalId'],
    ['an external id of a provider', uploader({ saml: SAML, externalId: 'x1' }), 'externalId: saml has no externalId'],
    ['a permission set without an account', uploader({ permissionSet: 'Upload' }), 'permissionSet needs account'],
    ['a permission set with a wildcard', uploader({ permissionSet: '*', account: HOME.account }), 'the name of a perm'],
    ['an OIDC provider without claims', uploader({ oidc: { provider: OIDC } }), 'uploaders[0].oidc.claims: '],
    ['a token of anyone', uploader({ oidc: { provider: OIDC, claims: { aud: 'a' } } }), 'oidc.claims.sub: '],
    ['a provider of another kind', uploader({ saml: OIDC }), 'uploaders[0].saml: expected the ARN of an identity'],
    [
      "a provider in another account than the role's",
      uploader({ saml: SAML.replace(HOME.account, '999900001111') }),
      'uploaders[0].saml: the provider is in account 999900001111, the role is in 111122223333',
    ],
    [
      "a provider in the coordinator's account for a site with its own",
      site({ ...AWAY, image: IMAGE, withdrawers: [{ oidc: { provider: OIDC, claims } }] }),
      'withdrawers[0].oidc.provider: the provider is in account 111122223333, the role is in 444455556666',
    ],
    ['a subscriber without a domain', federation({ subscribers: ['duty'] }), 'subscribers[0]: expected an e-mail'],
    ['a subscriber without TLS', federation({ subscribers: ['http://a.example'] }), 'subscribers[0]: expected an e'],
    ['tasks that are larger than the limit', site({ gpu: { vcpus: 16 } }), 'sites[0].gpu: maxVcpus is less than'],
    ...[{ vcpus: 8 }, { gpus: 4 }, { memoryMib: 15_361 }].map(
      (gpu) =>
        [
          `more ${Object.keys(gpu)} than a default host has`,
          site({ gpu }),
          `sites[0].gpu.${Object.keys(gpu)}: g5.xlarge and g6.xlarge leave`,
        ] as [string, unknown, string],
    ),
    ['an unknown kind of hosts', site({ gpu: { spot: 'maybe' } }), 'sites[0].gpu.spot: '],
    [
      'a zone of another region',
      federation({ zones: ['eu-west-1a'] }),
      'zones: eu-west-1a is not a zone of eu-central',
    ],
    ['a zone twice', federation({ zones: ['eu-central-1a', 'eu-central-1a'] }), 'zones: a zone is named twice'],
    [
      "zones that are not those of the place's network",
      federation({ zones: ['eu-central-1a'] }, { zones: ['eu-central-1b'] }),
      'sites[0].zones: the network of this account and region has the zones eu-central-1a already',
    ],
    ['a tag of AWS', federation({ tags: { 'aws:x': 'y' } }), 'tags that begin with aws: belong to AWS'],
    ['a budget of nothing', federation({ budget: { usdPerMonth: 0, email: 'a@b.example' } }), 'budget.usdPerMonth: '],
    [
      'zones of an on-premises site',
      site({ place: 'on-premises', principal: ROLE, zones: ['eu-central-1a'] }),
      'sites[0].zones: an on-premises site has nothing on AWS that this field describes',
    ],
  ])('refuse %s', (_what, value, message) => {
    expect(() => parseValue(value, federationSchema, 'federation.json')).toThrow(
      expect.objectContaining({ code: 'BAD_MESSAGE', message: expect.stringContaining(message) }),
    );
  });
});
