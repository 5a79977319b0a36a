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
  subscribers: ['team@coordinator.example'],
  tags: { project: 'tavi' },
  budget: { usdPerMonth: 100, email: 'money@coordinator.example' },
  trail: true,
  objectLockDays: 30,
  sites: [
    { id: 'bonn', name: 'Bonn', account: '444455556666', region: REGION, uploaders: [ARN], withdrawers: [ARN] },
    { id: 'jena', name: 'Jena' },
    {
      id: 'ulm',
      name: 'Ulm',
      account: '777788889999',
      region: REGION,
      gpu: { maxVcpus: 16 },
      subscribers: ['team@ulm.example'],
    },
    { id: 'graz', name: 'Graz', account: '123412341234', region: REGION, encryption: 'key-per-bucket' },
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
/** Sites that have an account and region of their own. */
const OWN = MANY.sites.filter(({ id }) => !['jena', 'kiel'].includes(id));

const templatesOf = (federation: Federation) =>
  new Map(synthesizeStacks(topologyOf(federation)).map((stack) => [stack.stackName, stack]));

describe("a site's part of a federation", () => {
  const whole = templatesOf(MANY);

  test.each(OWN.map((site) => [site.id, site] as const))('%s: the same templates, and no others', (_, site) => {
    const reduced = federationSchema.parse(JSON.parse(JSON.stringify(federationForSite(MANY, site))));
    const own = templatesOf(reduced);

    expect([...own.keys()].filter((name) => name.startsWith(`heart-site-${site.id}-`))).toHaveLength(3);
    expect([...own.keys()].filter((name) => name.startsWith('heart-network'))).toHaveLength(1);
    // The trail of a site's own file has another name than that of its account, which may record more buckets.
    const trail = `heart-site-${site.id}-trail`;
    const inWhole = (name: string) => (name === trail ? `heart-trail-${site.account}-${site.region}` : name);
    for (const [name, stack] of own) {
      expect(stack, name).toEqual({ ...whole.get(inWhole(name)), stackName: name });
    }
    expect([...own.keys()].filter((name) => /federation|observability|images/.test(name))).toEqual([]);
    const others = [
      ...MANY.sites.filter(({ id }) => id !== site.id).map(({ name }) => name),
      'researcher',
      'team@coordinator',
    ];
    expect(others.filter((name) => JSON.stringify(reduced).includes(name))).toEqual([]);
  });
}, 60_000);

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

  test("refuses a site of the coordinator's account, and has another README for an own machine", async () => {
    const jena = await bundle('jena', 'jena');
    expect(jena).toMatchObject({ code: 1, stderr: expect.stringContaining('account of its own') });
    const lyon = await bundle('lyon', 'lyon', '--json');
    expect(JSON.parse(lyon.stdout)).toMatchObject({ schema: 'fedcardio.bundle/1', site: 'lyon', sharedWith: [] });
    const kiel = await bundle('kiel', 'kiel');
    expect(kiel.code).toBe(0);
    expect(readFileSync(join(folder, 'kiel', 'README.md'), 'utf8')).toContain('site run kiel');
  });
}, 60_000);
