import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { readyAccount, startFakeAws } from '../../../test/helpers/fake-aws.ts';
import { assumedRole } from './assume.ts';
import { isDenied } from './attempt.ts';
import { parseImageName } from './registry.ts';

const account = readyAccount();
let fake: Awaited<ReturnType<typeof startFakeAws>>;
beforeAll(async () => {
  vi.stubEnv('AWS_MAX_ATTEMPTS', '1');
  fake = await startFakeAws(account);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await fake.close();
});

test('a role is assumed when its credentials are needed, and a refusal is told with the role', async () => {
  const role = 'arn:aws:iam::111122223333:role/heart-bonn-upload';
  const renew = assumedRole({ endpoint: fake.endpoint, region: 'eu-central-1' }, role);
  expect(fake.calls).toEqual([]);

  expect(await renew()).toEqual({
    accessKeyId: 'ASIAEXAMPLE',
    secretAccessKey: 'secret',
    sessionToken: role,
    expiration: new Date('2099-01-01T00:00:00Z'),
  });
  account.denied.push('AssumeRole');
  await expect(renew()).rejects.toThrow(`Cannot assume role ${role}`);
});

test.each([
  ['AccessDeniedException', 400, true],
  ['UnauthorizedOperation', 403, true],
  ['AuthorizationError', 403, true],
  ['Forbidden', 403, true],
  ['InvalidClientTokenId', 403, false],
  ['ExpiredToken', 403, false],
  ['ThrottlingException', 400, false],
])('%s (%i) is a refusal: %s', (name, httpStatusCode, expected) => {
  const error = Object.assign(new Error('x'), { name, $metadata: { httpStatusCode } });

  expect(isDenied(error)).toBe(expected);
  expect(isDenied(new Error('wrapped', { cause: error }))).toBe(expected);
});

test('names of images in ECR are parsed, others are not', () => {
  const registry = '111122223333.dkr.ecr.eu-central-1.amazonaws.com';
  expect(parseImageName(`${registry}/heart/tasks:0.1.0`)).toMatchObject({ repository: 'heart/tasks', tag: '0.1.0' });
  expect(parseImageName(`${registry}/heart/tasks@sha256:${'a'.repeat(64)}`)).toMatchObject({
    region: 'eu-central-1',
    tag: undefined,
    digest: `sha256:${'a'.repeat(64)}`,
  });
  for (const other of ['ubuntu:24.04', 'public.ecr.aws/x/y:1', registry]) expect(parseImageName(other)).toBeUndefined();
});
