import { campaignOf } from '../cli/demo/campaign.ts';
import { phantomOf } from '../cli/demo/case-files.ts';
import { allCases, scenarioOf } from '../cli/demo/scenario.ts';
import { table } from '../cli/table.ts';
import { tasksOf } from '../gpu-tasks/stage-model.ts';
import { isFedcardioError } from '../lib/error.ts';
import type { StudentStage, TeacherStage } from '../lib/federation/schemas.ts';
import { createNetwork } from '../lib/models/network.ts';
import { type Backend, loadBackend } from '../lib/nn/backend.ts';
import { type Preparation, type PreparedCase, prepareImage, type Target } from '../lib/training/cases.ts';
import { trainRound } from '../lib/training/train-round.ts';

export const summary = "Steps per second of the demo's UNet and Swin UNETR, native and WebAssembly";

type LearningStage = TeacherStage | StudentStage;

/** Steps that are not timed: the first ones compile and allocate. */
const WARM_UP = 4;
const TIMED = 16;
const SEED = 1;

/**
 * Trains the demo's networks on a phantom as a task does, patch, loss, gradient and AdamW included, one backend after
 * the other in this process. A backend that does not load is left out. The table goes to standard error.
 *
 * @returns by backend and network: `steps/s` from the median step, and the slowest step in ms
 */
export async function run(): Promise<Readonly<Record<string, number | string>>> {
  const scenario = scenarioOf({ profile: 'full', seed: SEED });
  const stages = learningStages(campaignOf(scenario).stages);
  const cases = stages.slice(0, 1).map(({ training }) => preparedPhantom(training));
  const figures: Record<string, number | string> = {};
  const rows: string[][] = [];
  for (const preference of ['native', 'wasm'] as const) {
    const backend = await backendOf(preference);
    if (!backend) {
      figures[preference] = 'does not load';
      continue;
    }
    figures[preference] = backend.description;
    for (const stage of stages) {
      const seconds = await stepSeconds(stage, cases);
      const rate = round(1 / median(seconds));
      const slowest = round(1000 * Math.max(...seconds));
      figures[`${preference}.${stage.model.kind}.stepsPerSecond`] = rate;
      figures[`${preference}.${stage.model.kind}.slowestMs`] = slowest;
      const grid = `${stage.training.patch}³`;
      rows.push([preference, stage.model.kind, grid, String(parametersOf(stage)), String(rate), String(slowest)]);
    }
  }
  const head = ['backend', 'network', 'patch', 'parameters', 'steps/s', 'slowest ms'];
  console.error(`${table(head, rows).join('\n')}\n`);
  return figures;
}

/** One stage of each kind of network, teachers first. */
function learningStages(stages: ReturnType<typeof campaignOf>['stages']): readonly LearningStage[] {
  const byNetwork = new Map<string, LearningStage>();
  for (const stage of stages) {
    if ((stage.kind === 'teacher' || stage.kind === 'student') && !byNetwork.has(stage.model.kind)) {
      byNetwork.set(stage.model.kind, stage);
    }
  }
  return [...byNetwork.values()];
}

/** One CT with a target for every task of the demo. */
function preparedPhantom(how: Preparation): PreparedCase {
  const [first] = allCases(scenarioOf({ profile: 'quick', seed: SEED }));
  if (!first) throw new Error('The scenario has no case.');
  const { image, points, masks } = phantomOf(first, SEED);
  const pointsOf = (task: keyof typeof points): Target => ({
    kind: 'points',
    points: points[task].map((position, index) => ({ label: index + 1, position })),
  });
  const targets = new Map<(typeof first.tasks)[number], Target>([
    ['hinge-points', pointsOf('hinge-points')],
    ['membranous-septum', pointsOf('membranous-septum')],
    ['calcification', { kind: 'mask', mask: masks.calcification }],
  ]);
  return { id: first.caseId, image: prepareImage(image, how), targets };
}

async function backendOf(preference: Backend['name']): Promise<Backend | undefined> {
  try {
    return await loadBackend(preference);
  } catch (error) {
    if (isFedcardioError(error, 'NO_BACKEND')) return undefined;
    throw error;
  }
}

async function stepSeconds(stage: LearningStage, cases: readonly PreparedCase[]): Promise<readonly number[]> {
  const seconds: number[] = [];
  let last = performance.now();
  await trainRound({
    model: stage.model,
    training: { ...stage.training, steps: WARM_UP + TIMED },
    tasks: tasksOf(stage),
    cases,
    global: undefined,
    optimizer: undefined,
    round: 1,
    rounds: 1,
    seed: SEED,
    site: 'bench',
    onStep: () => {
      const now = performance.now();
      seconds.push((now - last) / 1000);
      last = now;
    },
  });
  return seconds.slice(WARM_UP);
}

function parametersOf(stage: LearningStage): number {
  const network = createNetwork(stage.model, tasksOf(stage), SEED);
  const { parameters } = network;
  network.dispose();
  return parameters;
}

/** Of an even number of values the lower of the middle two. */
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] as number;

/** Three significant digits. */
const round = (value: number): number => Number(value.toPrecision(3));
