import { afterAll, beforeAll, expect, test } from 'vitest';
import { PAPER_SITES, siteCases } from '../bench/intake/cases.ts';
import { checkIntake } from '../bench/intake/check.ts';
import { createUploader } from '../bench/intake/upload.ts';
import { type LocalFederation, startLocalFederation } from './helpers/local-federation.ts';

/** The paper's federation at a fortieth of its size, with more invalid cases, so that every kind is included. */
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

test('intake handles and counts each of hundreds of cases once, including invalid and duplicate ones', async () => {
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

test('the check finds missing and unknown cases', async () => {
  const cases = SITES.flatMap((size) => siteCases(size, BAD_EVERY));
  const lost = { ...(cases[0] as (typeof cases)[number]), id: 'p99999' };
  await expect(checkIntake(federation, federation.federation, [...cases, lost])).rejects.toThrow(/p99999/);
  await expect(checkIntake(federation, federation.federation, cases.slice(1))).rejects.toThrow(/unknown cases/);
});
