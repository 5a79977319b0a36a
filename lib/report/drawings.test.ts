import { describe, expect, test } from 'vitest';
import { learningCurve } from './curves.ts';
import { dumbbell } from './dumbbell.ts';
import type { StageReport, TimelineEvent } from './report.ts';
import { packRows, timeline } from './timeline.ts';

const stage = (losses: readonly number[]): StageReport => ({
  name: 'student',
  kind: 'student',
  rounds: losses.length,
  participants: ['berlin', 'munich'],
  commits: losses.map((loss, index) => ({
    round: index + 1,
    at: '2026-01-01T00:00:00.000Z',
    key: 'k',
    sha256: 'a'.repeat(64),
    samples: 2,
    figures: { loss },
    updates: [
      { site: 'berlin', samples: 1, seconds: 1, figures: { loss: loss + 0.1 } },
      { site: 'munich', samples: 1, seconds: 1, figures: { loss: loss - 0.1 } },
    ],
    failed: [],
    clipped: [],
    limited: [],
    openedAt: '2026-01-01T00:00:00.000Z',
    coverage: { asked: ['berlin', 'munich'], merged: ['berlin', 'munich'], caseShare: 1, excluded: [] },
  })),
});

const pointsOf = (svg: string) =>
  [...svg.matchAll(/points="([^"]*)"/g)].map(([, points]) =>
    (points as string).split(' ').map((point) => point.split(',').map(Number)),
  );

describe('learningCurve', () => {
  test('draws every site and their mean, falling with the loss', () => {
    const svg = learningCurve(stage([2, 1, 0.5]), (site) => site)?.markup ?? '';
    const lines = pointsOf(svg);
    expect(lines).toHaveLength(3);
    for (const line of lines) {
      const heights = line.map(([, y]) => y as number);
      expect([...heights].sort((a, b) => a - b)).toEqual(heights);
    }
    expect(svg).toContain(
      'aria-label="student: mean loss 2.00 after round 1, 1.00 after round 2, 0.500 after round 3"',
    );
  });

  test('keeps negative losses within the drawing', () => {
    const svg = learningCurve(stage([0.5, -0.4, -1.3]), (site) => site)?.markup ?? '';
    const height = Number(/viewBox="0 0 \d+ (\d+)"/.exec(svg)?.[1]);
    for (const [, y] of pointsOf(svg).flat()) {
      expect(y).toBeGreaterThanOrEqual(0);
      expect(y).toBeLessThanOrEqual(height);
    }
  });

  test('labels small losses without rounding them to zero', () => {
    const svg = learningCurve(stage([0.0031]), (site) => site)?.markup ?? '';
    expect(svg).toContain('>0.00310</text>');
  });

  test('draws a single round without NaN', () => {
    expect(learningCurve(stage([1]), (site) => site)?.markup).not.toMatch(/NaN|Infinity|undefined/);
  });

  test('is absent for stages without a loss', () => {
    const { commits, ...rest } = stage([1]);
    const silent = { ...rest, commits: commits.map((commit) => ({ ...commit, figures: {}, updates: [] })) };
    expect(learningCurve(silent, (site) => site)).toBeUndefined();
  });
});

const bar = (start: number, end: number): TimelineEvent => ({
  lane: 'berlin',
  kind: 'task',
  stage: 'student',
  start,
  end,
  label: `${start}`,
});

describe('packRows', () => {
  test('puts overlapping bars into separate rows, and reuses free rows', () => {
    expect(packRows([bar(0, 4), bar(1, 2), bar(2, 5), bar(4, 6)]).map(({ row }) => row)).toEqual([0, 1, 1, 0]);
  });
});

describe('timeline', () => {
  const lanes = [
    { id: 'coordinator', name: 'Coordinator' },
    { id: 'berlin', name: 'Berlin' },
  ];

  test('draws each kind of event with a tooltip', () => {
    const at = { lane: 'berlin', start: 1, stage: 'student' } as const;
    const svg = timeline(
      [
        bar(1, 3),
        { ...at, kind: 'upload', label: 'p1 <uploaded>' },
        { ...at, kind: 'rejected', label: 'rejected' },
        { ...at, kind: 'failure', label: 'failed' },
        { lane: 'coordinator', kind: 'commit', start: 3, stage: 'student', label: 'committed' },
      ],
      lanes,
      () => 'student',
    ).markup;
    expect(svg).toContain('p1 &lt;uploaded&gt;, 0:01');
    for (const style of ['bar kind-student', 'tick-mark upload', 'mark rejected', 'cross-mark', 'commit-line'])
      expect(svg, style).toContain(`class="${style}"`);
    expect(svg).not.toMatch(/NaN|undefined/);
  });

  test('places nothing outside its frame', () => {
    const svg = timeline([bar(0, 100), bar(99.9, 100)], lanes, () => 'student').markup;
    const ends = [...svg.matchAll(/class="bar[^>]* x="([\d.]+)"[^>]* width="([\d.]+)"/g)].map(
      ([, x, width]) => Number(x) + Number(width),
    );
    expect(ends).toHaveLength(2);
    expect(Math.max(...ends)).toBeLessThanOrEqual(1000);
  });
});

describe('dumbbell', () => {
  test('distinguishes gains from losses, and says what was not evaluated', () => {
    const rows = [
      { name: 'better', before: 0.2, after: 0.8 },
      { name: 'worse', before: 0.8, after: 0.2 },
      { name: 'unknown', before: null, after: null },
    ];
    const { markup } = dumbbell(rows, { before: 'alone', after: 'distilled' });
    expect(markup.match(/<i class="gain" style="left: 20.0%; width: 60.0%"/g)).toHaveLength(1);
    expect(markup.match(/<i class="loss" style="left: 20.0%; width: 60.0%"/g)).toHaveLength(1);
    expect(markup).toContain('80\u00a0% → 20\u00a0%');
    expect(markup).toContain('not evaluated');
  });
});
