import { expect, test } from 'vitest';
import { siteAccess } from '../../lib/federation/access.ts';
import { siteKeys } from '../../lib/federation/keys.ts';
import { type SentBySite, sentBySiteSchema } from '../../lib/federation/schemas.ts';
import { DEFAULT_TASKS, TASKS } from '../../lib/federation/tasks.ts';
import { writeMarkups } from '../../lib/imaging/markups.ts';
import { calcium, image, PNG, POINTS, testSite } from '../../lib/intake/testing.ts';
import { enforceAccess } from '../../lib/storage/access-view.ts';
import { writeDocument } from '../../lib/storage/documents.ts';
import { readTasks } from '../../lib/storage/federation-tasks.ts';
import { listText } from './list.ts';
import { createStatesReader } from './read-states.ts';
import { siteOverview } from './site-overview.ts';
import { overviewText } from './status.ts';

const sent = (round: number, more: Partial<SentBySite> = {}): SentBySite => ({
  schema: 'fedcardio.sent-by-site/1',
  site: 'berlin',
  campaign: 'tavi',
  stage: 'teacher/calcification',
  round,
  at: `2026-03-0${round}T00:00:00.000Z`,
  kind: 'teacher',
  weights: { key: 'w' as never, sha256: 'a'.repeat(64), bytes: 1_000_000 },
  update: { key: 'u' as never, bytes: 500 },
  samples: 1,
  scores: 0,
  ...more,
});

/** A site with cases in every state, seen with the upload role alone. */
async function seen() {
  const site = testSite();
  const incomplete = POINTS.map((point) => (point.label === 1 ? { ...point, position: null } : point));
  await site.put('cases/p1/image.nii.gz', image(1));
  await site.put('cases/p1/labels/calcification.nii.gz', calcium());
  await site.put('cases/p1/labels/hinge-points.mrk.json', writeMarkups(incomplete, TASKS['hinge-points'].classes));
  await site.put('held-out/h1/image.nii.gz', image(2));
  await site.put('held-out/h1/labels/calcification.nii.gz', calcium());
  await site.put('held-out/h1/notes.txt', 'x');
  await site.put('cases/p2/image.nii.gz', PNG);
  await site.put('cases/p3/labels/calcification.nii.gz', calcium());
  await site.put('cases/Doe_John/image.nii.gz', image(5));
  await site.put('cases/scan.nii.gz', image(6));
  await site.rescan();
  await site.put('cases/p4/image.nii.gz', image(4));
  for (const record of [sent(1), sent(2, { weights: null, failure: { code: 'NO_DATA', reason: 'There is none.' } })]) {
    await writeDocument(site.store, siteKeys.sent(record), sentBySiteSchema, record);
  }
  const { own, federation } = siteAccess('berlin').upload;
  const store = enforceAccess(site.store, own);
  const states = await createStatesReader(store).read();
  const tasks = await readTasks({ federation: {}, federationStore: enforceAccess(site.federationStore, federation) });
  return { states, overview: await siteOverview(store, states.cases, tasks) };
}

test('site list tells the state of every case with the upload role alone, and where a refused name lies', async () => {
  const { states } = await seen();

  const text = listText(states);

  const verdicts = Object.fromEntries(states.cases.map((one) => [one.case, one.verdict]));
  expect(verdicts).toMatchObject({
    ...{ p1: 'accepted', h1: 'partly accepted', p2: 'rejected', p3: 'waiting', p4: 'pending' },
  });
  expect(text).toMatch(
    /^p1 +training +accepted +hinge-points calcification$|^p1 +training +accepted +calcification hinge-points$/m,
  );
  expect(text).toContain('cases/p2/image.nii.gz: It is a PNG picture');
  expect(text).toContain('cases/scan.nii.gz: The file is not in a case folder.');
  expect(text).toContain(
    '2 of 6 cases are accepted (1 without some of their files), 2 rejected, 1 waiting, 1 pending.',
  );
  expect(text).toMatch(/^withheld-[0-9a-f]{8} +training +rejected$/m);
  expect(text).toContain("cases/Doe_John/image.nii.gz: The case's name looks like a person's name.");
});

test('site status tells which labels teach, and what left', async () => {
  const { overview } = await seen();

  expect(overview.labels.find(({ task }) => task === 'hinge-points')).toMatchObject({ teaching: 0, incomplete: 1 });
  expect(overview.labels.find(({ task }) => task === 'calcification')).toMatchObject({ teaching: 1, heldOut: 1 });
  expect(overview.withoutImage).toEqual(['p3']);
  expect(overview.sent).toEqual([
    expect.objectContaining({ campaign: 'tavi', stage: 'teacher/calcification', rounds: 2, bytes: 1_001_000 }),
  ]);
  const text = overviewText('berlin', overview);
  expect(text).toContain('Labels without a CT: p3.');
  expect(text).toMatch(/^tavi +teacher\/calcification +teacher +2 +1\.00 +0 +1 +/m);
  expect(text).toContain('tavi teacher/calcification round 2 failed: There is none.');
  expect(DEFAULT_TASKS.length).toBe(overview.labels.length);
});
