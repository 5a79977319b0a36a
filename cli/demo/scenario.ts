import type { CaseUse } from '../../lib/federation/keys.ts';
import type { Federation } from '../../lib/federation/schemas.ts';
import { type DefaultTaskId, PAPER_TASKS, PROBE_TASK } from '../../lib/federation/tasks.ts';

/**
 * Cases and labels of each hospital: those of Tölle et al. (2025, npj Digital Medicine 8:88, table 1), scaled down. A
 * hospital without labels of a task there has none here. Berlin has no labels.
 */
export interface Scenario {
  readonly profile: Profile;
  readonly seed: number;
  readonly federation: Federation;
  readonly sites: readonly SiteScenario[];
}

export type Profile = 'full' | 'quick' | 'experiment';

export interface SiteScenario {
  readonly id: string;
  readonly name: string;
  /** Index in the federation. Its scanner is derived from it. */
  readonly index: number;
  /** Whether its scanner is one that no training hospital has. */
  readonly external: boolean;
  /** Group that its patients are drawn from. Two groups have different patients, even with one seed. */
  readonly cohort: 'demo' | 'experiment';
  /** Number of training CTs. The first ones are labelled. */
  readonly training: number;
  readonly labelled: Readonly<Partial<Record<DefaultTaskId, number>>>;
  /** Number of held-out CTs, with labels of all `tasks`. */
  readonly evaluation: number;
  readonly tasks: readonly DefaultTaskId[];
  /** Format of the hospital's training landmarks: painted class maps, or 3D Slicer markups. */
  readonly landmarks: 'class-map' | 'markups';
}

/** One CT of a site, and the tasks of its labels. */
export interface DemoCase {
  readonly site: SiteScenario;
  readonly caseId: string;
  readonly use: CaseUse;
  readonly tasks: readonly DefaultTaskId[];
}

/** The tasks that the demo's teachers learn. */
export const DEMO_TASKS = PAPER_TASKS;

type Row = readonly [id: string, name: string, training: number, hinge: number, septum: number, calcium: number];

const FULL: readonly Row[] = [
  ['heidelberg', 'Heidelberg', 8, 3, 2, 4],
  ['munich', 'Munich', 10, 1, 0, 1],
  ['muenster', 'Münster', 14, 1, 1, 0],
  ['goettingen', 'Göttingen', 10, 2, 0, 0],
  ['berlin', 'Berlin', 5, 0, 0, 0],
  ['frankfurt', 'Frankfurt', 3, 1, 0, 1],
  ['hamburg', 'Hamburg', 4, 1, 1, 0],
  ['greifswald', 'Greifswald', 3, 1, 0, 0],
];

const QUICK: readonly Row[] = [
  ['heidelberg', 'Heidelberg', 2, 1, 1, 1],
  ['munich', 'Munich', 2, 1, 0, 1],
  ['muenster', 'Münster', 2, 1, 1, 0],
  ['goettingen', 'Göttingen', 2, 1, 0, 0],
  ['berlin', 'Berlin', 1, 0, 0, 0],
  ['frankfurt', 'Frankfurt', 1, 1, 0, 1],
  ['hamburg', 'Hamburg', 1, 1, 1, 0],
  ['greifswald', 'Greifswald', 1, 1, 0, 0],
];

/**
 * With one or two more labelled CTs at each hospital, for its validation cases, and two hospitals that only evaluate:
 * otherwise Berlin alone would be a site that trained no hinge points.
 */
const EXPERIMENT: readonly Row[] = [
  ['heidelberg', 'Heidelberg', 10, 5, 4, 6],
  ['munich', 'Munich', 11, 2, 0, 2],
  ['muenster', 'Münster', 15, 2, 2, 0],
  ['goettingen', 'Göttingen', 11, 3, 0, 0],
  ['berlin', 'Berlin', 5, 0, 0, 0],
  ['frankfurt', 'Frankfurt', 4, 2, 0, 2],
  ['hamburg', 'Hamburg', 5, 2, 2, 0],
  ['greifswald', 'Greifswald', 4, 2, 0, 0],
  ['external-a', 'External A', 0, 0, 0, 0],
  ['external-b', 'External B', 0, 0, 0, 0],
];

interface ProfileSize {
  readonly rows: readonly Row[];
  readonly evaluation: number;
  readonly cohort?: 'experiment';
  /** CTs with coronary labels, by site. */
  readonly coronary?: Readonly<Record<string, number>>;
}

const PROFILES: Readonly<Record<Profile, ProfileSize>> = {
  full: { rows: FULL, evaluation: 3 },
  quick: { rows: QUICK, evaluation: 1 },
  experiment: {
    rows: EXPERIMENT,
    evaluation: 6,
    cohort: 'experiment',
    coronary: { heidelberg: 4, muenster: 3, hamburg: 2 },
  },
};

/** The federation of a demo. The profile decides the size, the seed decides patients and scanners. */
export function scenarioOf({ profile, seed }: { readonly profile: Profile; readonly seed: number }): Scenario {
  const { rows, evaluation, coronary, cohort = 'demo' } = PROFILES[profile];
  const tasks: readonly DefaultTaskId[] = coronary ? [...DEMO_TASKS, PROBE_TASK] : DEMO_TASKS;
  const sites = rows.map(
    ([id, name, training, hinge, septum, calcium], index): SiteScenario => ({
      id,
      name,
      index,
      external: training === 0,
      cohort,
      training,
      labelled: {
        'hinge-points': hinge,
        'membranous-septum': septum,
        calcification: calcium,
        ...(coronary?.[id] ? { [PROBE_TASK]: coronary[id] } : {}),
      },
      evaluation,
      tasks,
      landmarks: index % 2 === 0 ? 'class-map' : 'markups',
    }),
  );
  return {
    profile,
    seed,
    federation: {
      schema: 'fedcardio.federation/1',
      id: 'fedcardio',
      sites: sites.map(({ id, name }) => ({ id, name })),
    },
    sites,
  };
}

/** All CTs of a site: `p001`, `p002`, … for training, `h001`, … held out. */
export function casesOf(site: SiteScenario): readonly DemoCase[] {
  const name = (letter: string, index: number) => `${letter}${String(index + 1).padStart(3, '0')}`;
  const training = Array.from(
    { length: site.training },
    (_, index): DemoCase => ({
      site,
      caseId: name('p', index),
      use: 'training',
      tasks: site.tasks.filter((task) => index < (site.labelled[task] ?? 0)),
    }),
  );
  const evaluation = Array.from(
    { length: site.evaluation },
    (_, index): DemoCase => ({
      site,
      caseId: name('h', index),
      use: 'evaluation',
      tasks: site.tasks,
    }),
  );
  return [...training, ...evaluation];
}

/** CTs of all sites, alternating between sites like concurrent uploads. */
export function allCases(scenario: Scenario): readonly DemoCase[] {
  const queues = scenario.sites.map(casesOf);
  const longest = Math.max(...queues.map(({ length }) => length));
  return Array.from({ length: longest }, (_, turn) => queues.flatMap((queue) => queue[turn] ?? [])).flat();
}
