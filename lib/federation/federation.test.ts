import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseValue } from '../json.ts';
import { type Federation, federationSchema } from './schemas.ts';

const SITES = [
  { id: 'bonn', name: 'Bonn' },
  { id: 'ulm', name: 'Ulm' },
];
const federation = (changes: Readonly<Record<string, unknown>> = {}) => ({
  schema: 'fedcardio.federation/1',
  id: 'heart',
  sites: SITES,
  ...changes,
});
const site = (changes: Readonly<Record<string, unknown>>) => ({ sites: [{ ...SITES[0], ...changes }] });
const home = { account: '111122223333', region: 'eu-central-1' };
const image = '444455556666.dkr.ecr.eu-west-1.amazonaws.com/fedcardio:0.1.0';

/** Certificate of a machine, which may not sign others. Its key was thrown away. */
const LEAF = `-----BEGIN CERTIFICATE-----
MIIBuDCCAV6gAwIBAgIUP76RkhgwFDYO4ljGtG93fg657PcwCgYIKoZIzj0EAwIw
HjEcMBoGA1UEAwwTRXhhbXBsZSBIb3NwaXRhbCBDQTAgFw0yNjExMjgyMzEyMjha
GA8yMTI2MTEwNDIzMTIyOFowITEfMB0GA1UEAwwWZmVkY2FyZGlvLmtpZWwuZXhh
bXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABOBct/vbcQTYeyS50rebTdyv
bQZyZN3+MmvfQBmeGDHgyYiUCB/Aem/DVcMzj7Y40c4hNaBR5MNttraGFqyY7Zqj
dTBzMAwGA1UdEwEB/wQCMAAwDgYDVR0PAQH/BAQDAgeAMBMGA1UdJQQMMAoGCCsG
AQUFBwMCMB0GA1UdDgQWBBQjLEV/sKQdxEc7b4/bD/25sufxYDAfBgNVHSMEGDAW
gBTOdgDamjnzRUSS40mYBUohp8C8mDAKBggqhkjOPQQDAgNIADBFAiEAo2E3MEQq
FuMx0nW+i3vG8xS8AfPL0v71ARNtt6qWJXACIDVEHtU9dyPpduZ71L0jUXgK7Avg
yDihHhDsSCo2FpUn
-----END CERTIFICATE-----
`;
const principal = 'arn:aws:iam::111122223333:role/machine';
const machine = (changes: Readonly<Record<string, unknown>>) => site({ place: 'on-premises', ...changes });
const certificate = (authority: string) => machine({ certificate: { authority, commonName: 'fedcardio.example' } });

describe('federation.json', () => {
  test('needs an id and sites; accounts, regions and the rest are optional', () => {
    const abroad = { account: '444455556666', region: 'eu-west-1', image };
    const uploaders = ['arn:aws:iam::444455556666:role/radiology', 'arn:aws:iam::444455556666:root'];
    const full = federation({
      ...home,
      minSites: 2,
      researchers: ['arn:aws:iam::111122223333:user/anna'],
      sites: [{ ...SITES[0], ...abroad, uploaders, gpu: { instanceTypes: ['g6.xlarge'], maxVcpus: 16 } }, SITES[1]],
    });

    expect(parseValue(federation(), federationSchema, 'f')).toEqual(federation());
    expect(parseValue(full, federationSchema, 'f')).toEqual(full);
  });

  test.for([
    [
      'an id used twice',
      { sites: [SITES[0], SITES[0]] },
      'sites[1].id: site id "bonn" is used twice, by sites[0] already',
    ],
    ['no site', { sites: [] }, 'sites: '],
    ['capitals in an id', site({ id: 'Bonn' }), 'sites[0].id: expected 1 to 40 of a-z, 0-9 and -'],
    ['a start that S3 forbids', { id: 'xn--heart' }, 'id: S3 forbids names that begin with "xn--"'],
    ['an end that S3 forbids', site({ id: 's3alias' }), 'sites[0].id: S3 forbids names that end with "-s3alias"'],
    ['another end that S3 forbids', site({ id: 'a--ol-s3' }), 'sites[0].id: S3 forbids names that end with "--ol-s3"'],
    [
      'a minimum above the number of sites',
      { minSites: 3 },
      'minSites: 3 sites are needed for any round, the federation has 2',
    ],
    ['an account of 11 digits', { ...home, account: '11112222333' }, 'account: expected the 12 digits'],
    ['an account that is a number', { ...home, account: 111122223333 }, 'account: '],
    ['an account without a region', { account: home.account }, 'give account and region together: region is missing'],
    ['a malformed region', { ...home, region: 'Frankfurt' }, 'region: expected a region of AWS'],
    ['a malformed ARN', site({ uploaders: ['radiology'] }), 'sites[0].uploaders[0]: expected the ARN of an IAM role'],
    [
      'the ARN of a bucket',
      { researchers: ['arn:aws:s3:::bucket'] },
      'researchers[0]: expected the ARN of an IAM role',
    ],
    ['an ARN without its account', { researchers: ['arn:aws:iam:::role/r'] }, 'researchers[0]: expected the ARN'],
    ['an image of another registry', { image: 'docker.io/fedcardio:1' }, 'image: expected an image of ECR'],
    ['an image without a tag', { image: image.replace(':0.1.0', '') }, 'image: expected an image of ECR'],
    ['a site with an account, a federation without', site({ ...home }), 'sites[0]: the site names its account'],
    [
      'a site in another region without an image',
      { ...home, ...site({ account: home.account, region: 'eu-west-1' }) },
      'sites[0]: the site is not in eu-central-1',
    ],
    [
      'an image in another region',
      { ...home, ...site({ ...home, image }) },
      'sites[0].image: the image is not in eu-central-1',
    ],
    ['an unknown field', { quorum: 3 }, 'Unrecognized key: "quorum"'],
    ['a lock of 0 days', { objectLockDays: 0 }, 'objectLockDays: '],
    ["a lock of a site's bucket", site({ objectLockDays: 30 }), 'objectLockDays'],
    ['an unknown place', site({ place: 'cellar' }), 'sites[0].place: '],
    ['a machine that cannot sign in', machine({}), 'sites[0]: an on-premises site needs either a certificate or a'],
    ['a principal of a site on AWS', site({ principal }), 'sites[0].principal: only a site whose place is'],
    [
      'an instance type of an on-premises site',
      machine({ principal, gpu: {} }),
      'sites[0].gpu: an on-premises site has nothing on AWS that this field describes',
    ],
    [
      'a certificate that is no authority',
      certificate(LEAF),
      "sites[0].certificate.authority: expected one authority's",
    ],
    ['what is no certificate', certificate('-----BEGIN CERTIFICATE-----\nAAAA'), 'sites[0].certificate.authority: '],
  ] as const)('refuses %s and names the field', ([, changes, message]) => {
    expect(() => parseValue(federation(changes), federationSchema, 'federation.json')).toThrow(
      expect.objectContaining({ code: 'BAD_MESSAGE', message: expect.stringContaining(`${message}`) }),
    );
  });

  test('has an example of eight sites that names the JSON Schema', () => {
    const example = JSON.parse(readFileSync('examples/paper/federation.json', 'utf8')) as Federation;

    expect(parseValue(example, federationSchema, 'example').sites).toHaveLength(8);
    expect(existsSync(join('examples/paper', example.$schema as string))).toBe(true);
  });
});
