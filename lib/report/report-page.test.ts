import { describe, expect, test } from 'vitest';
import { DEFAULT_TASKS, TASKS, type Task } from '../federation/tasks.ts';
import type { Affine, Volume } from '../imaging/volume.ts';
import { landmarkMetrics, metricsOf, segmentationMetrics } from '../scoring/metrics.ts';
import type { GalleryCase } from './gallery.ts';
import type { Report } from './report.ts';
import { reportPage } from './report-page.ts';
import { pooledShare } from './result-sections.ts';

const student = { 'hinge-points': landmarkMetrics([1, 2, null, 8]), calcification: segmentationMetrics([0.5]) };
const control = { 'hinge-points': landmarkMetrics([1, null, null, 8]) };

const report: Report = {
  tasks: DEFAULT_TASKS,
  schema: 'fedcardio.report/1',
  campaign: 'c1',
  status: 'completed',
  createdAt: '2026-01-02T03:04:05.000Z',
  seed: 1,
  profile: 'full',
  backend: 'native',
  wallSeconds: 61,
  peakRssMB: 100,
  peakRssOf: 'process tree',
  sites: [{ id: 'berlin', name: 'Berlin <Mitte>', cases: { training: 5, evaluation: 1, rejected: 1 }, labelled: {} }],
  stages: [
    {
      name: 'student',
      kind: 'student',
      rounds: 1,
      participants: ['berlin'],
      commits: [
        {
          round: 1,
          at: '2026-01-02T03:04:05.000Z',
          key: 'k',
          sha256: 'ab'.repeat(32),
          samples: 5,
          figures: { loss: 0.5 },
          updates: [{ site: 'berlin', samples: 5, seconds: 2, figures: { loss: 0.5 } }],
          failed: [{ site: 'berlin', reason: 'out of <memory>' }],
          clipped: [{ site: 'munich', factor: 0.01 }],
          limited: [{ site: 'hamburg', samples: 9000, counted: 21 }],
          openedAt: '2026-01-02T03:04:00.000Z',
          coverage: {
            asked: ['berlin', 'munich'],
            merged: ['berlin'],
            caseShare: 0.625,
            excluded: [{ site: 'munich', why: 'failed', reason: 'disk <full>' }],
          },
        },
      ],
    },
  ],
  rejected: [{ site: 'berlin', key: 'cases/<p1>/image.nii.gz', reason: 'It is "2D".', hint: 'Upload the series.' }],
  unreadSites: [],
  models: [],
  metrics: { teacher: {}, student, studentLabelsOnly: control },
  landmarks: { student: student['hinge-points'], studentLabelsOnly: control['hinge-points'] },
  bySite: { berlin: { teacher: {}, student, studentLabelsOnly: control } },
  timeline: [{ lane: 'berlin', kind: 'task', stage: 'student', start: 0, end: 2, label: 'student' }],
};

const affine: Affine = [
  [1, 0, 0, 0],
  [0, 1, 0, 0],
  [0, 0, 1, 0],
  [0, 0, 0, 1],
];
const volume = (value: (index: number) => number): Volume => ({
  shape: [8, 8, 8],
  affine,
  data: Int16Array.from({ length: 512 }, (_, index) => value(index)),
});
const picture: GalleryCase = {
  site: 'Berlin <Mitte>',
  caseId: 'h001',
  image: volume((index) => index),
  landmarks: [
    {
      task: TASKS['hinge-points'],
      truth: [
        { label: 1, position: [2, 2, 2] },
        { label: 2, position: [5, 5, 5] },
        { label: 3, position: null },
      ],
      predicted: [
        { label: 1, position: [2, 2, 4.5] },
        { label: 2, position: null },
      ],
    },
  ],
  masks: [
    {
      task: TASKS.calcification,
      truth: volume((index) => Number(index === 100)),
      predicted: volume(() => 0),
      dice: [0],
    },
  ],
};

test('the gallery shows every class of a segmentation, with its Dice', () => {
  const heart: Task = { id: 'heart', kind: 'segmentation', title: 'Heart', classes: ['root', 'left-ventricle'] };
  const truth = volume((index) => (index === 100 ? 1 : index === 101 ? 2 : 0));
  const masks = [{ task: heart, truth, predicted: volume((index) => (index === 101 ? 2 : 0)), dice: [0, 1] }];
  const page = reportPage(report, [{ ...picture, landmarks: [], masks }]);

  expect(page).toContain('root Dice <b>0.00</b>');
  expect(page).toContain('left ventricle Dice <b>1.00</b>');
  expect(page).toContain('axial, most root and left ventricle');
  const outlines = [...page.matchAll(/class="contour (truth|predicted)" d="([^"]*)"/g)].map(([, kind, d]) => [
    kind,
    d !== '',
  ]);
  expect(outlines).toEqual([
    ['truth', true],
    ['truth', true],
    ['predicted', false],
    ['predicted', true],
  ]);
});

describe('reportPage', () => {
  const page = reportPage(report, [picture]);

  test('is self-contained: it loads nothing and runs no script', () => {
    expect(page).not.toMatch(/<script|<link|@import|url\(|(?:src|href)="(?!data:)/i);
  });

  test('escapes data', () => {
    expect(page).toContain('Berlin &lt;Mitte&gt;');
    expect(page).toContain('cases/&lt;p1&gt;/image.nii.gz');
    expect(page).toContain('out of &lt;memory&gt;');
    expect(page).toContain('scaled down: munich (by 0.0100)');
    expect(page).toContain('counted less: hamburg (as 21.0 cases instead of 9000)');
    expect(page).not.toMatch(/<Mitte>|<p1>|<memory>/);
  });

  test('opens and closes its elements in order', () => {
    const open: string[] = [];
    const body = page.replace(/<style>.*?<\/style>/s, '');
    for (const [, slash, name, selfClosed] of body.matchAll(/<(\/?)([a-z][a-z0-9]*)(?:"[^"]*"|[^">])*?(\/?)>/gi)) {
      if (selfClosed || ['meta', 'br', 'input'].includes(name as string)) continue;
      if (slash) expect(open.pop()).toBe(name);
      else open.push(name as string);
    }
    expect(open).toEqual([]);
  });

  test('lets every picture be enlarged and every wide table be scrolled, also by keyboard', () => {
    const pictures = page.match(/class="cut"/g) ?? [];
    expect(pictures.length).toBeGreaterThan(1);
    expect(page.match(/<label class="enlarge"><input type="checkbox" aria-label="Enlarge: [^"]+">/g)).toHaveLength(
      pictures.length,
    );
    const regions = page.match(/<div class="scroll[^>]*>/g) ?? [];
    expect(regions.length).toBeGreaterThan(3);
    for (const region of regions) expect(region).toContain('tabindex="0"');
  });

  test('says what left the hospitals, scores included', () => {
    expect(page).toContain(
      'What left it: model weights, counts of cases and labels, training figures such as the loss, and the scores of held-out cases',
    );
  });

  test('describes every picture in a label', () => {
    const drawings = page.match(/<svg[^>]*>/g) ?? [];
    expect(drawings.length).toBeGreaterThan(4);
    for (const drawing of drawings) expect(drawing).toMatch(/role="img" aria-label="[^"]+"/);
  });

  test('gives the error of each point of the truth, or that it is missing', () => {
    expect(page).toContain('right hinge point <b>2.5\u00a0mm</b>');
    expect(page).toContain('left hinge point <b>missing</b>');
    expect(page).not.toContain('non-coronary hinge point <b>');
  });

  test('shows no NaN, undefined or infinite value', () => {
    expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });

  test('shows what validation found, and which sites ran out of time', () => {
    const [stage] = report.stages as [Report['stages'][number]];
    const [commit] = stage.commits as [(typeof stage.commits)[number]];
    const validation = {
      scored: { round: 1, loss: 0.25, cases: 4, sites: 2 },
      best: { round: 1, loss: 0.25, global: { key: 'k' as never, sha256: 'ab'.repeat(32), bytes: 1 } },
      stale: 0,
      stops: false,
    };
    const commits = [{ ...commit, validation, shortened: [{ site: 'berlin', steps: 12, of: 50 }] }];

    const page = reportPage({ ...report, stages: [{ ...stage, commits }] }, []);

    expect(page).toContain('validation loss 0.250 in round 1, lowest 0.250 in round 1');
    expect(page).toContain('out of time: berlin (after 12 of 50 steps)');
    expect(reportPage(report, [])).not.toMatch(/validation loss|out of time/);
  });

  test('names the sites that a model lacks, with the reason', () => {
    expect(page).toContain('merged 1 of 2 sites, 63\u00a0% of the cases');
    expect(page).toContain('munich: <span class="bad">failed</span>, disk &lt;full&gt;');
  });

  test('compares the evaluated models of a campaign without roles, and says that it still runs', () => {
    const models = ['unet', 'swin'].map((name) => ({
      name,
      stage: name,
      metrics: student,
      bySite: { berlin: student },
    }));
    const none = { teacher: {}, student: {}, studentLabelsOnly: {} };
    const { profile: _, ...rest } = report;
    const general = reportPage({ ...rest, status: 'running', models, metrics: none, landmarks: {}, bySite: {} }, []);

    expect(general).toContain('2 models evaluated on held-out cases.');
    expect(general).toContain('The campaign is running.');
    for (const name of ['unet', 'swin']) expect(general).toContain(`<span class="key role-other"></span>${name}</th>`);
    expect(general).not.toMatch(/Did distillation help|synthetic|NaN|undefined/);
  });

  test('can be written for a campaign that failed before any training', () => {
    const empty = { teacher: {}, student: {}, studentLabelsOnly: {} };
    const failed: Report = {
      ...report,
      status: 'failed',
      reason: 'No site has a label.',
      stages: [],
      metrics: empty,
      landmarks: {},
      bySite: {},
      timeline: [],
    };
    const text = reportPage(failed, []);
    expect(text).toContain('No site has a label.');
    expect(text).not.toMatch(/NaN|undefined|class="card|not evaluated/);
  });
});

describe('the page of a quick demo', () => {
  const quick = reportPage(
    {
      ...report,
      profile: 'quick',
      landmarks: { student: landmarkMetrics([null]), studentLabelsOnly: landmarkMetrics([null]) },
      stages: report.stages.map((stage) => ({
        ...stage,
        commits: stage.commits.map((commit) => ({
          ...commit,
          failed: [{ site: 'berlin', reason: 'NO_DATA: berlin has no label.' }],
          clipped: [],
          limited: [],
          coverage: {
            ...commit.coverage,
            excluded: [{ site: 'berlin', why: 'no data', reason: 'NO_DATA: berlin has no label.' }],
          },
        })),
      })),
    },
    [],
  ).replace(/<style>.*?<\/style>/s, '');

  test('says what ran instead of scores of models that have not learnt', () => {
    expect(quick).toContain('Every step ran');
    expect(quick).not.toMatch(/\b0\s%|Did distillation help/);
  });

  test('shows a site without data as such, not as a failure', () => {
    expect(quick).toContain('Berlin &lt;Mitte&gt; had nothing to learn from in 1 round');
    expect(quick).not.toMatch(/class="(failures|bad)"/);
  });
});

test("pools a site's landmark tasks by their points", () => {
  const metrics = { 'hinge-points': landmarkMetrics([1, 1, 1, null]), 'membranous-septum': landmarkMetrics([9, 9]) };
  expect(pooledShare(metrics)).toBeCloseTo(0.5, 12);
  expect(pooledShare({})).toBeNull();
});

describe('task by task', () => {
  const scored = metricsOf([
    { model: 's', task: 'membranous-septum', errors: { 'septum-start': [1.5], 'septum-end': [null] } },
    {
      model: 's',
      task: 'calcification',
      dice: [0.4],
      hausdorff95: [6.25],
      volumes: { truth: [310], prediction: [295] },
    },
  ]);
  const page = reportPage({ ...report, metrics: { teacher: {}, student: scored, studentLabelsOnly: {} } }, []);

  test('has the distance and the volumes of calcium next to its Dice', () => {
    expect(page).toContain(
      '<td class="number">0.40</td><td class="number">6.3\u00a0mm</td><td class="number">310</td><td class="number">295</td>',
    );
  });

  test('has every point separately, with the number of missing ones', () => {
    expect(page).toContain('septum-end</th><td>–, 1 of 1 missing</td>');
    expect(page).toContain('septum-start</th><td>1.5\u00a0mm, 0 of 1 missing</td>');
    expect(reportPage(report, [])).not.toContain('Point by point');
  });
});
