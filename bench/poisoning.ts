import { table } from '../cli/table.ts';
import { type Aggregation, aggregationSchema, plannedAggregation } from '../lib/federation/schemas.ts';
import { loadBackend } from '../lib/nn/backend.ts';
import type { FederationStore } from '../lib/storage/contract.ts';
import { createMemoryStorage } from '../lib/storage/testing-objects.ts';
import type { Weights } from '../lib/weights/weights.ts';
import { significant } from './figures/numbers.ts';
import { ATTACKS, type Attack } from './poisoning/attacks.ts';
import { ATTACKED_ROUNDS, type BenchSite, CLEAN_ROUNDS, drawSetting } from './poisoning/setting.ts';
import {
  type Global,
  mergeRound,
  NOTHING,
  type SentUpdate,
  type SiteRound,
  type StudentScore,
  scoreStudent,
  trainSite,
} from './poisoning/student.ts';

export const summary = "Attacks by one and two of eight sites on every strategy, measured on the student's metrics";

/** Every strategy with the defaults of a new plan, and federated averaging without them. */
const STRATEGIES: Readonly<Record<string, Aggregation>> = {
  'fedavg, not clipped': aggregationSchema.parse({ strategy: 'fedavg', clipFactor: null }),
  ...Object.fromEntries(
    ['fedavg', 'fedavgm', 'fedadam', 'fedyogi', 'median', 'trimmed-mean', 'krum', 'multi-krum'].map((strategy) => [
      strategy,
      plannedAggregation(aggregationSchema.parse({ strategy })),
    ]),
  ),
};

/** Malicious sites, in the order in which they turn malicious. */
const MALICIOUS = ['muenster', 'frankfurt'];

/** State of a federation between two rounds. */
interface State {
  readonly round: number;
  readonly global: Global | undefined;
  readonly optimizers: ReadonlyMap<string, Weights>;
}

/**
 * Trains a student without attacks, and continues from its model with every strategy, attack and number of malicious sites.
 * Some attacks also last from the first round. FEDCARDIO_BENCH_STRATEGIES="fedavg;median" selects columns of the table,
 * FEDCARDIO_BENCH_ATTACKS="none;all zero, 2 of 8" rows.
 *
 * @returns by strategy, attack and number of malicious sites: the student's metrics
 */
export async function run(): Promise<Readonly<Record<string, StudentScore>>> {
  await loadBackend('native');
  const store: FederationStore = createMemoryStorage()('bench');
  const { sites, heldOut } = drawSetting();
  const figures: Record<string, StudentScore> = {};
  const started = performance.now();

  /** Honest work by site; the first attacked round is the same in every run. */
  const honestWork = async ({ round, global, optimizers }: State): Promise<ReadonlyMap<string, SiteRound>> => {
    const work = new Map<string, SiteRound>();
    for (const site of sites) {
      work.set(site.id, await trainSite(site, round, global?.weights, optimizers.get(site.id)));
    }
    return work;
  };

  /** Runs a round; undefined if it fails. */
  async function advance(
    state: State,
    work: ReadonlyMap<string, SiteRound>,
    aggregation: Aggregation,
    attack?: Attack,
    malicious: readonly string[] = [],
  ): Promise<State | undefined> {
    const sent = sites.flatMap((site) => updateOf(site, state, work, attack, malicious));
    const { global } = await mergeRound(store, sent, aggregation, state.global?.file ?? null);
    if (!global) return undefined;
    const optimizers = new Map([...work].flatMap(([id, done]) => (done ? [[id, done.optimizer] as const] : [])));
    return { round: state.round + 1, global, optimizers };
  }

  async function record(name: string, state: State | undefined): Promise<void> {
    const score = state?.global ? await scoreStudent(state.global.weights, heldOut) : NOTHING;
    figures[name] = {
      within6mm: significant(score.within6mm),
      medianMm: score.medianMm === null ? null : significant(score.medianMm),
    };
    const minutes = ((performance.now() - started) / 60_000).toFixed(1);
    console.error(`  ${minutes} min  ${name}: ${cell(score)}`);
  }

  const start: State = { round: 1, global: undefined, optimizers: new Map() };
  const plain = STRATEGIES['fedavg, not clipped'] as Aggregation;
  let clean: State = start;
  for (let round = 0; round < CLEAN_ROUNDS; round++) {
    clean = (await advance(clean, await honestWork(clean), plain)) ?? clean;
    await record(`clean, round ${round + 1}`, clean);
  }
  const firstWork = await honestWork(clean);

  for (const [name, aggregation] of selected(Object.entries(STRATEGIES), 'STRATEGIES', ([name]) => name)) {
    for (const attacked of runsOf(name)) {
      const { attack, count, fromStart } = attacked;
      let state: State | undefined = fromStart ? start : clean;
      while (state && state.round <= CLEAN_ROUNDS + ATTACKED_ROUNDS) {
        const work = state === clean ? firstWork : await honestWork(state);
        state = await advance(state, work, aggregation, attack, MALICIOUS.slice(0, count));
      }
      await record(`${name} | ${titleOf(attacked)}`, state);
    }
  }
  printTable(figures);
  return figures;
}

interface AttackedRun {
  readonly attack: Attack | undefined;
  /** Number of malicious sites. */
  readonly count: number;
  /** Whether it lasts from the first round of the stage, which has no global model. */
  readonly fromStart: boolean;
}

/** What is also run from the first round, which takes three times as long. */
const FROM_START = {
  strategies: ['fedavg, not clipped', 'fedavg', 'median', 'trimmed-mean'],
  attacks: ['sign flip × 10', 'all 3.3e38'],
};

function runsOf(strategy: string): readonly AttackedRun[] {
  const first = FROM_START.strategies.includes(strategy) ? FROM_START.attacks : [];
  const runs = [
    { attack: undefined, count: 0, fromStart: false },
    ...ATTACKS.flatMap((attack) => [1, 2].map((count) => ({ attack, count, fromStart: false }))),
    ...ATTACKS.filter(({ name }) => first.includes(name)).map((attack) => ({ attack, count: 1, fromStart: true })),
  ];
  return selected(runs, 'ATTACKS', titleOf);
}

const titleOf = ({ attack, count, fromStart }: AttackedRun): string =>
  attack ? `${attack.name}, ${count} of 8${fromStart ? ', from the first round' : ''}` : 'none';

function updateOf(
  { id, cases }: BenchSite,
  { global }: State,
  work: ReadonlyMap<string, SiteRound>,
  attack: Attack | undefined,
  malicious: readonly string[],
): readonly SentUpdate[] {
  const own = work.get(id)?.weights;
  if (!own) return [];
  if (!attack || !malicious.includes(id)) return [{ site: id, samples: cases.length, weights: own }];
  const honest = [...work].flatMap(([site, done]) => (done && !malicious.includes(site) ? [done.weights] : []));
  const weights = attack.forge({ site: id, global: global?.weights ?? own, own, honest });
  return [{ site: id, samples: cases.length * (attack.claims ?? 1), weights }];
}

/** The items that an environment variable names; by default all. */
function selected<T>(items: readonly T[], variable: string, nameOf: (item: T) => string): readonly T[] {
  const names = process.env[`FEDCARDIO_BENCH_${variable}`]?.split(';');
  return names ? items.filter((item) => names.includes(nameOf(item))) : items;
}

const cell = ({ within6mm, medianMm }: StudentScore): string =>
  `${Math.round(100 * within6mm)} % ${medianMm === null ? '–' : medianMm.toFixed(1)} mm`;

/** One row an attack, one column a strategy: share within 6 mm, and median error. */
function printTable(figures: Readonly<Record<string, StudentScore>>): void {
  const names = Object.keys(STRATEGIES);
  const titles = new Set(names.flatMap((name) => runsOf(name).map(titleOf)));
  const rows = [...titles].map((title) => {
    const scores = names.map((name) => figures[`${name} | ${title}`]);
    return [title, ...scores.map((score) => (score ? cell(score) : ''))];
  });
  console.error(`\n${table(['attack', ...names], rows).join('\n')}\n`);
}
