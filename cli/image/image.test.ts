import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { type Federation, federationSchema } from '../../lib/federation/schemas.ts';
import { type FakeAccount, readyAccount, startFakeAws } from '../../test/helpers/fake-aws.ts';
import { COMMAND } from '../testing.ts';
import { targetOf, withImage } from './target.ts';

const DIGEST = `sha256:${'b'.repeat(64)}`;
const FEDERATION: Federation = federationSchema.parse({
  schema: 'fedcardio.federation/1',
  id: 'heart',
  account: '111122223333',
  region: 'eu-central-1',
  sites: [
    { id: 'bonn', name: 'Bonn' },
    {
      id: 'lyon',
      name: 'Lyon',
      account: '444455556666',
      region: 'eu-west-3',
      image: '444455556666.dkr.ecr.eu-west-3.amazonaws.com/fedcardio:0.1.0',
    },
  ],
});
const folder = mkdtempSync(join(tmpdir(), 'fedcardio-image-'));
const file = join(folder, 'federation.json');
const log = join(folder, 'engine.log');

beforeEach(() => {
  writeFileSync(file, JSON.stringify(FEDERATION));
  rmSync(log, { force: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A folder with a container engine that logs its arguments and its input, and exits as told. */
function engineIn(name: string, engine: 'docker' | 'podman', failing = ''): string {
  const bin = join(folder, name);
  mkdirSync(bin, { recursive: true });
  const script = `#!/bin/sh
echo "${engine} $*" >> "${log}"
case "$*" in *--password-stdin*) echo "input $(cat)" >> "${log}";; esac
case "$1" in ${failing || 'nothing'}) exit 3;; esac
`;
  writeFileSync(join(bin, engine), script);
  chmodSync(join(bin, engine), 0o755);
  return bin;
}

/** Runs the command with a PATH of system folders without engines, and this one. */
async function push(bin: string | undefined, change: Partial<FakeAccount>, ...args: string[]) {
  const account = { ...readyAccount(), ...change };
  // The image is in ECR as soon as an engine has pushed it.
  const { images } = account;
  const fake = await startFakeAws({
    ...account,
    get images() {
      return lines().some((line) => line.includes(' push ')) ? { ...images, 'heart/tasks:9.9.9': DIGEST } : images;
    },
  });
  try {
    return await new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      const env = { ...process.env, PATH: [...(bin ? [bin] : []), dirname('/bin/sh')].join(delimiter) };
      const words = ['image', 'push', '--federation', file, '--endpoint', fake.endpoint, '--tag', '9.9.9', ...args];
      execFile(process.execPath, [COMMAND, ...words], { env }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
      );
    });
  } finally {
    await fake.close();
  }
}

function lines(): readonly string[] {
  try {
    return readFileSync(log, 'utf8').trim().split('\n');
  } catch {
    return [];
  }
}

const NAME = '111122223333.dkr.ecr.eu-central-1.amazonaws.com/heart/tasks';

describe('image push', () => {
  test('builds, logs in without showing the password, pushes, and writes the digest', async () => {
    const { code, stdout, stderr } = await push(
      engineIn('works', 'docker'),
      { images: {} },
      '--engine',
      'docker',
      '--write',
    );

    expect(code, stderr).toBe(0);
    const [version, build, login, input, pushed] = lines();
    expect(version).toBe('docker version');
    expect(build).toMatch(
      new RegExp(
        `^docker build --platform linux/amd64 --build-arg VARIANT=cuda -f .*/gpu-tasks/Dockerfile -t ${NAME}:9.9.9 \\.$`,
      ),
    );
    expect(login).toBe('docker login --username AWS --password-stdin 111122223333.dkr.ecr.eu-central-1.amazonaws.com');
    expect(input).toBe('input secret-token');
    expect(pushed).toBe(`docker push ${NAME}:9.9.9`);
    expect(stdout).toContain(`${NAME}@${DIGEST}`);
    expect(stdout + stderr).not.toContain('secret-token');
    expect(federationSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).image).toBe(`${NAME}@${DIGEST}`);
  }, 60_000);

  test('builds nothing if the tag is in ECR already', async () => {
    const { code, stdout, stderr } = await push(undefined, { images: { 'heart/tasks:9.9.9': DIGEST } }, '--json');

    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'fedcardio.image-push/1',
      image: `${NAME}@${DIGEST}`,
      pushed: false,
    });
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('another --tag') });
    expect(lines()).toEqual([]);
  }, 60_000);

  test('says so if there is no engine, and if a step fails', async () => {
    const none = await push(join(folder, 'empty'), { images: {} }, '--engine', 'podman');
    expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('podman does not work here') });
    const failing = await push(engineIn('fails', 'podman', 'build'), { images: {} }, '--engine', 'podman');
    expect(failing).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('`podman build` failed with exit code 3'),
    });
    expect(lines().filter((line) => /login|push/.test(line))).toEqual([]);
  }, 60_000);
});

describe('the repository', () => {
  const HERE = { account: '999900001111', region: 'us-east-1' };
  test("is the federation's, what federation.json names, or the site's", () => {
    const [bonn, lyon] = FEDERATION.sites;
    const { account: _, region: __, ...anywhere } = FEDERATION;

    expect(targetOf(FEDERATION, undefined, HERE, 't').registry).toBe('111122223333.dkr.ecr.eu-central-1.amazonaws.com');
    expect(targetOf(anywhere as Federation, undefined, HERE, 't').registry).toBe(
      '999900001111.dkr.ecr.us-east-1.amazonaws.com',
    );
    expect(targetOf(FEDERATION, lyon, HERE, 't')).toMatchObject({
      account: '444455556666',
      region: 'eu-west-3',
      repository: 'fedcardio',
      tag: 't',
    });
    expect(() => targetOf(FEDERATION, bonn, HERE, 't')).toThrow("uses the federation's image");
  });

  test('of a site is written to the site alone', () => {
    const written = JSON.parse(withImage(JSON.stringify(FEDERATION), 'lyon', 'x'));

    expect(written.image).toBeUndefined();
    expect(written.sites.map(({ image }: { image?: string }) => image)).toEqual([undefined, 'x']);
  });
});
