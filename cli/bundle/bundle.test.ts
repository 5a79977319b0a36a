import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { synthesizeStacks } from '../../cdk/synthesize-stacks.ts';
import { federationForSite } from '../../lib/federation/one-site.ts';
import { type Federation, federationSchema, type Site } from '../../lib/federation/schemas.ts';
import { topologyOf } from '../../lib/federation/topology.ts';
import { runCommand } from '../testing.ts';

const folder = mkdtempSync(join(tmpdir(), 'fedcardio-bundle-'));
afterAll(() => rmSync(folder, { recursive: true }));

const REGION = 'eu-central-1';
const ARN = 'arn:aws:iam::444455556666:role/radiology';
/** A coordinator, sites in its account, in accounts of their own and in another region, and one on its own machine. */
const MANY = federationSchema.parse({
  schema: 'fedcardio.federation/1',
  id: 'heart',
  account: '111122223333',
  region: REGION,
  minSites: 3,
  researchers: ['arn:aws:iam::111122223333:role/researcher'],
  sites: [
    { id: 'bonn', name: 'Bonn', account: '444455556666', region: REGION, uploaders: [ARN], withdrawers: [ARN] },
    { id: 'jena', name: 'Jena' },
    { id: 'ulm', name: 'Ulm', account: '777788889999', region: REGION, gpu: { maxVcpus: 16 }, objectLockDays: 30 },
    {
      id: 'lyon',
      name: 'Lyon',
      account: '777788889999',
      region: 'eu-west-3',
      image: '777788889999.dkr.ecr.eu-west-3.amazonaws.com/fedcardio:0.1.0',
    },
    { id: 'kiel', name: 'Kiel', place: 'on-premises', principal: 'arn:aws:iam::444455556666:root' },
  ],
});
const ONE_ACCOUNT = federationSchema.parse({
  schema: 'fedcardio.federation/1',
  id: 'heart',
  sites: [
    { id: 'bonn', name: 'Bonn' },
    { id: 'jena', name: 'Jena' },
  ],
});

const templatesOf = (federation: Federation) =>
  new Map(synthesizeStacks(topologyOf(federation)).map((stack) => [stack.stackName, stack]));

describe.each([
  ['accounts of their own', MANY],
  ['one account', ONE_ACCOUNT],
])(
  "a site's part of a federation with %s",
  (_, federation) => {
    const whole = templatesOf(federation);

    test.each(federation.sites.map((site) => [site.id, site] as const))(
      '%s: the same templates, and no others',
      (_, site) => {
        const reduced = federationSchema.parse(JSON.parse(JSON.stringify(federationForSite(federation, site))));
        const own = templatesOf(reduced);

        expect([...own.keys()].filter((name) => name.startsWith(`heart-site-${site.id}-`))).toHaveLength(2);
        expect([...own.keys()].filter((name) => name.startsWith('heart-network'))).toHaveLength(
          site.place === 'on-premises' ? 0 : 1,
        );
        for (const [name, stack] of own) expect(stack, name).toEqual(whole.get(name));
        expect([...own.keys()].filter((name) => /federation|observability/.test(name))).toEqual([]);
        const others = federation.sites.filter(({ id }) => id !== site.id).map(({ name }) => name);
        expect(others.filter((name) => JSON.stringify(reduced).includes(name))).toEqual([]);
      },
    );
  },
  60_000,
);

test('a file with onlySite has that site alone', () => {
  const bonn = MANY.sites[0] as Site;
  const wrong = { ...federationForSite(MANY, bonn), sites: MANY.sites };

  expect(() => federationSchema.parse(wrong)).toThrow('expected the id of the one site');
});

describe('the command', () => {
  const file = join(folder, 'federation.json');
  const bundle = (site: string, out: string, ...more: string[]) =>
    runCommand(['bundle', '--site', site, '--out', join(folder, out), '--federation', file, ...more]);

  test('writes federation.json and a README with the commands of the site', async () => {
    writeFileSync(file, JSON.stringify(MANY));

    const { code, stdout } = await bundle('bonn', 'bonn');
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('heart-site-bonn-data') });
    expect(stdout).not.toContain('shares');
    const readme = readFileSync(join(folder, 'bonn', 'README.md'), 'utf8');
    expect(readme).toContain("'heart-site-bonn-compute'");
    expect(readme).toContain('npx cdk bootstrap aws://444455556666/eu-central-1');
    expect(readme).toContain('`111122223333.dkr.ecr.eu-central-1.amazonaws.com/heart/tasks:');
    expect(readme).not.toMatch(/Jena|Ulm|undefined/);
    expect(
      federationSchema.parse(JSON.parse(readFileSync(join(folder, 'bonn', 'federation.json'), 'utf8'))),
    ).toMatchObject({
      onlySite: 'bonn',
    });
    const again = await bundle('bonn', 'bonn');
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('is not empty') });
  });

  test('says so if the network is shared, and has another README for an own machine', async () => {
    const jena = await bundle('jena', 'jena', '--json');
    expect(JSON.parse(jena.stdout)).toMatchObject({ schema: 'fedcardio.bundle/1', sharesNetwork: true });
    const kiel = await bundle('kiel', 'kiel');
    expect(kiel.code).toBe(0);
    expect(readFileSync(join(folder, 'kiel', 'README.md'), 'utf8')).toContain('site run kiel');
  });
}, 60_000);
