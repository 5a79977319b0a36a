import { afterAll, beforeAll, expect, test } from 'vitest';
import { PAPER_SITES, siteCases } from '../bench/intake/cases.ts';
import { checkIntake } from '../bench/intake/check.ts';
import { createUploader } from '../bench/intake/upload.ts';
import { type LocalFederation, startLocalFederation } from './helpers/local-federation.ts';

/** The paper's federation at a fortieth of its size, with far more broken cases: every kind of them is there. */
const SITES = PAPER_SITES.map(({ site, cases }) => ({
  site,
  cases: Math.ceil(cases / 40),
  labels: { 'hinge-points': 6, 'membranous-septum': 4, calcification: 4 },
}));
const BAD_EVERY = 6;

let federation: LocalFederation;
beforeAll(async () => {
  federation = await startLocalFederation({ sites: SITES.map(({ site }) => site) });
});
afterAll(() => federation.close());

test('of hundreds of cases, broken and doubled ones among them, each ends where it belongs, and is counted once', async () => {
  const bySite = SITES.map((size) => siteCases(size, BAD_EVERY));
  const cases = bySite.flat();
  const uploader = createUploader(federation.endpoint, federation.federation.id, federation.queues);

  const sent = await Promise.all(bySite.map(uploader.site));
  await federation.idle();
  uploader.close();

  expect(cases.length).toBeGreaterThan(200);
  expect(sent.every(({ uploads }, i) => uploads > (bySite[i]?.length ?? 0))).toBe(true);
  await checkIntake(federation, federation.federation, cases);
});

test('and what the check looks for, it would find', async () => {
  const cases = SITES.flatMap((size) => siteCases(size, BAD_EVERY));
  const lost = { ...(cases[0] as (typeof cases)[number]), id: 'p99999' };
  await expect(checkIntake(federation, federation.federation, [...cases, lost])).rejects.toThrow(/p99999/);
  await expect(checkIntake(federation, federation.federation, cases.slice(1))).rejects.toThrow(/unknown cases/);
});
