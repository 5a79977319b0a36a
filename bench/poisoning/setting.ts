import { phantomOf } from '../../cli/demo/case-files.ts';
import { casesOf, type DemoCase, type SiteScenario, scenarioOf } from '../../cli/demo/scenario.ts';
import { type ModelConfig, trainingSchema } from '../../lib/federation/schemas.ts';
import { TASKS, type Task } from '../../lib/federation/tasks.ts';
import { CT_INTENSITY } from '../../lib/imaging/intensity.ts';
import { type PreparedCase, prepareImage, type Target } from '../../lib/training/cases.ts';

/** What the benchmark trains: a student of both landmark tasks at eight sites, on the demo's patients and scanners. */

export const SEED = 1;
export const MODEL: ModelConfig = { kind: 'unet', features: [8, 16, 32], deepSupervision: true };
export const TASKS_OF_STUDENT: readonly Task[] = [TASKS['hinge-points'], TASKS['membranous-septum']];
/** Rounds without an attack, trained once; every run of the table continues from their model. */
export const CLEAN_ROUNDS = Number(process.env.FEDCARDIO_BENCH_CLEAN_ROUNDS ?? 4);
/** Attacked rounds of a run. */
export const ATTACKED_ROUNDS = 2;
export const TRAINING = trainingSchema.parse({
  patch: 24,
  spacing: 4,
  steps: Number(process.env.FEDCARDIO_BENCH_STEPS ?? 12),
  learningRate: 1e-2,
  foregroundWeight: 8,
  headWeights: 'classes',
});

/** Labelled and held-out CTs of each site. */
const TRAINING_CASES = 2;
const HELD_OUT_CASES = 2;

export interface BenchSite {
  readonly id: string;
  readonly cases: readonly PreparedCase[];
}

/** Draws all CTs, every one with both labels. */
export function drawSetting(): { readonly sites: readonly BenchSite[]; readonly heldOut: readonly PreparedCase[] } {
  const { sites } = scenarioOf({ profile: 'experiment', seed: SEED });
  return {
    sites: sites.map((site) => ({ id: site.id, cases: drawn(site, 'training', TRAINING_CASES) })),
    heldOut: sites.flatMap((site) => drawn(site, 'evaluation', HELD_OUT_CASES)),
  };
}

const drawn = (site: SiteScenario, use: DemoCase['use'], count: number): readonly PreparedCase[] =>
  casesOf(site)
    .filter((item) => item.use === use)
    .slice(0, count)
    .map(drawCase);

function drawCase(item: DemoCase): PreparedCase {
  const { image, points } = phantomOf(item, SEED);
  const targetOf = (task: keyof typeof points): Target => ({
    kind: 'points',
    points: points[task].map((position, index) => ({ label: index + 1, position })),
  });
  const targets = new Map<string, Target>([
    ['hinge-points', targetOf('hinge-points')],
    ['membranous-septum', targetOf('membranous-septum')],
  ]);
  const prepared = prepareImage(image, { spacing: TRAINING.spacing, heartCrop: null, intensity: CT_INTENSITY });
  return { id: `${item.site.id}/${item.caseId}`, image: prepared, targets };
}
