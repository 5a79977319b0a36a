import { CASE_FOLDERS, type CaseUse, siteKeys } from '../../lib/federation/keys.ts';
import { type DefaultTaskId, TASKS } from '../../lib/federation/tasks.ts';
import { affineOf, apply } from '../../lib/imaging/affine.ts';
import { paintLandmarks } from '../../lib/imaging/landmarks.ts';
import { writeMarkups } from '../../lib/imaging/markups.ts';
import { writeNifti } from '../../lib/imaging/nifti-write.ts';
import type { Grid, Volume } from '../../lib/imaging/volume.ts';
import { seededRandom } from '../../lib/random.ts';
import { BAD_IMAGES, BAD_LABELS } from './bad-files.ts';

/** CTs and labels of the federation of Tölle et al. 2025, table 1. */
export const PAPER_SITES: readonly SiteSize[] = [
  { site: 'heidelberg', cases: 813, labels: { 'hinge-points': 78, 'membranous-septum': 73, calcification: 78 } },
  { site: 'munich', cases: 1819, labels: { 'hinge-points': 30, calcification: 20 } },
  { site: 'muenster', cases: 3001, labels: { 'hinge-points': 27, 'membranous-septum': 20 } },
  { site: 'goettingen', cases: 1829, labels: { 'hinge-points': 42 } },
  { site: 'berlin', cases: 534, labels: {} },
  { site: 'frankfurt', cases: 42, labels: { 'hinge-points': 20, calcification: 20 } },
  { site: 'hamburg', cases: 60, labels: { 'hinge-points': 34, 'membranous-septum': 23 } },
  { site: 'greifswald', cases: 26, labels: { 'hinge-points': 25 } },
];

export interface SiteSize {
  readonly site: string;
  readonly cases: number;
  readonly labels: Readonly<Partial<Record<DefaultTaskId, number>>>;
}

export interface Upload {
  readonly key: string;
  /** Generated when it is sent, so that thousands of volumes need not be held in memory. */
  readonly body: () => Uint8Array | string;
}

/** Uploads of a case, and the expected result. */
export interface LoadCase {
  readonly site: string;
  readonly id: string;
  readonly use: CaseUse;
  readonly uploads: readonly Upload[];
  /** Identifies the volume. Only one of a site's cases with the same volume must be cataloged. Undefined if invalid. */
  readonly content?: string;
  readonly labels: readonly DefaultTaskId[];
  /** Keys that must be rejected, whatever the order of uploads. */
  readonly bad: readonly string[];
}

const SIDE = 16;
const GRID: Grid = {
  shape: [SIDE, SIDE, SIDE],
  affine: affineOf([
    [-1.5, 0, 0, 12],
    [0, -1.5, 0, 12],
    [0, 0, 2, -100],
  ]),
};
const VOXELS = SIDE ** 3;
/** One case in this many is held out. */
const HELD_OUT_EVERY = 20;

/**
 * The cases of a site: seeded noise in HU. One in `badEvery` is invalid or has the volume of the case before, and one in
 * `badEvery` labelled cases has an invalid label.
 */
export function siteCases({ site, cases, labels }: SiteSize, badEvery: number): readonly LoadCase[] {
  const kinds = [...Object.keys(BAD_IMAGES), 'copy'];
  // Each site starts with another kind of invalid case, so that small sites differ.
  const shift = [...site].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
  return Array.from({ length: cases }, (_, index): LoadCase => {
    const tasks = (Object.keys(labels) as DefaultTaskId[]).filter((task) => index < (labels[task] ?? 0));
    const turn = Math.floor(index / badEvery) + shift;
    const isBad = index % badEvery === badEvery - 1;
    const hasBadLabel = index % badEvery === 1 && tasks.length > 0;
    const kind = isBad ? (kinds[turn % kinds.length] as string) : undefined;
    return caseOf(site, index, tasks, kind, hasBadLabel ? turn : undefined);
  });
}

function caseOf(
  site: string,
  index: number,
  tasks: readonly DefaultTaskId[],
  kind: string | undefined,
  badLabel: number | undefined,
): LoadCase {
  const id = `p${String(index).padStart(5, '0')}`;
  const use: CaseUse = index % HELD_OUT_EVERY === HELD_OUT_EVERY - 1 ? 'evaluation' : 'training';
  const content = `${site}/${kind === 'copy' ? index - 1 : index}`;
  const image = siteKeys.image(use, id);
  const spoil = kind === undefined ? undefined : BAD_IMAGES[kind];
  const uploads: Upload[] = [{ key: image, body: () => (spoil ? spoil(ctOf(content)) : writeNifti(ctOf(content))) }];
  const bad: string[] = spoil ? [image] : [];
  const good = badLabel === undefined ? tasks : tasks.slice(1);
  for (const task of good) uploads.push(labelOf(task, use, id));
  const [spoilt] = tasks;
  if (badLabel !== undefined && spoilt) {
    const { name, body } = Object.values(BAD_LABELS)[
      badLabel % Object.keys(BAD_LABELS).length
    ] as (typeof BAD_LABELS)[string];
    const key = `${siteKeys.casePrefix(CASE_FOLDERS[use], id)}/labels/${name(spoilt)}`;
    uploads.push({ key, body: () => body(ctOf(content)) });
    bad.push(key);
  }
  return { site, id, use, uploads, ...(spoil ? {} : { content }), labels: good, bad };
}

function ctOf(content: string): Volume<Int16Array> {
  const random = seededRandom('intake-load', content);
  return { ...GRID, data: new Int16Array(VOXELS).map(() => Math.floor(1500 * random()) - 1000) };
}

const pointsOf = (task: DefaultTaskId) =>
  TASKS[task].classes.map((_, i) => ({ label: i + 1, position: apply(GRID.affine, [2 + 2 * i, 8, 7]) }));

function labelOf(task: DefaultTaskId, use: CaseUse, id: string): Upload {
  if (task === 'hinge-points') {
    return { key: siteKeys.markups(use, id, task), body: () => writeMarkups(pointsOf(task), TASKS[task].classes) };
  }
  const map =
    TASKS[task].kind === 'landmarks'
      ? () => paintLandmarks(pointsOf(task), GRID, 2)
      : () => ({ ...GRID, data: new Uint8Array(VOXELS).fill(1, 100, 120) });
  return { key: siteKeys.label(use, id, task), body: () => writeNifti(map()) };
}
