import { phantomOf } from '../../cli/demo/case-files.ts';
import { SWIN_UNETR, UNET } from '../../cli/demo/demo-campaign.ts';
import { allCases, DEMO_TASKS, scenarioOf } from '../../cli/demo/scenario.ts';
import { table } from '../../cli/table.ts';
import { isFedcardioError } from '../../lib/error.ts';
import type { ModelConfig } from '../../lib/federation/schemas.ts';
import { type DefaultTaskId, TASKS, type Task } from '../../lib/federation/tasks.ts';
import { CT_INTENSITY } from '../../lib/imaging/intensity.ts';
import { createNetwork } from '../../lib/models/network.ts';
import { type Backend, loadBackend } from '../../lib/nn/backend.ts';
import { type PreparedCase, prepareImage, type Target } from '../../lib/training/cases.ts';

export const SEED = 1;
/** Field of view of every patch and volume: the phantom. */
export const FIELD_OF_VIEW_MM = 96;

export interface BenchNetwork {
  readonly name: string;
  readonly model: ModelConfig;
  readonly tasks: readonly Task[];
  readonly parameters: number;
}

/** The demo's networks, and MONAI's smallest Swin UNETR. */
export const networks = (): readonly BenchNetwork[] => [
  benchNetwork('unet', UNET, ['hinge-points']),
  benchNetwork('swin-unetr', SWIN_UNETR, DEMO_TASKS),
  benchNetwork('swin-unetr-12', MONAI_12, ['hinge-points']),
];

/** The full-size networks of examples/paper. They are created only when asked for: the larger has 62 M parameters. */
const FULL_SIZE: Readonly<Record<string, ModelConfig>> = {
  'unet-full': { kind: 'unet', features: [32, 64, 128, 256, 320], deepSupervision: true },
  'swin-unetr-48': {
    kind: 'swin-unetr',
    featureSize: 48,
    depths: [2, 2, 2, 2],
    heads: [3, 6, 12, 24],
    window: 7,
  },
};

/** A network of {@link networks} or a full-size one, by its name. */
export function networkNamed(name: string): BenchNetwork {
  const fullSize = FULL_SIZE[name];
  const network = fullSize
    ? benchNetwork(name, fullSize, ['hinge-points'])
    : networks().find((candidate) => candidate.name === name);
  if (!network) throw new Error(`There is no network "${name}".`);
  return network;
}

const MONAI_12: ModelConfig = {
  kind: 'swin-unetr',
  featureSize: 12,
  depths: [2, 2, 2, 2],
  heads: [3, 6, 12, 24],
  window: 7,
};

function benchNetwork(name: string, model: ModelConfig, ids: readonly DefaultTaskId[]): BenchNetwork {
  const tasks = ids.map((id) => TASKS[id]);
  const network = createNetwork(model, tasks, SEED);
  const { parameters } = network;
  network.dispose();
  return { name, model, tasks, parameters };
}

/** One CT with a target for every task of the demo. */
export function preparedPhantom(spacing: number): PreparedCase {
  const [first] = allCases(scenarioOf({ profile: 'quick', seed: SEED }));
  if (!first) throw new Error('The scenario has no case.');
  const { image, points, masks } = phantomOf(first, SEED);
  const pointsOf = (task: keyof typeof points): Target => ({
    kind: 'points',
    points: points[task].map((position, index) => ({ label: index + 1, position })),
  });
  const targets = new Map<DefaultTaskId, Target>([
    ['hinge-points', pointsOf('hinge-points')],
    ['membranous-septum', pointsOf('membranous-septum')],
    ['calcification', { kind: 'mask', mask: masks.calcification }],
  ]);
  return {
    id: first.caseId,
    image: prepareImage(image, { spacing, heartCrop: null, intensity: CT_INTENSITY }),
    targets,
  };
}

/** The backend; undefined if it does not load. */
async function backendOf(preference: Backend['name']): Promise<Backend | undefined> {
  try {
    return await loadBackend(preference);
  } catch (error) {
    if (isFedcardioError(error, 'NO_BACKEND')) return undefined;
    throw error;
  }
}

/** Whether a backend loads. */
export const hasBackend = async (name: Backend['name']): Promise<boolean> => (await backendOf(name)) !== undefined;

/**
 * Measures each backend in this process and prints the table to standard error. Skips a backend that does not load.
 *
 * @param measure adds figures, and rows of the table with `row`
 */
export async function onEachBackend(
  head: readonly string[],
  measure: (
    backend: Backend['name'],
    figures: Record<string, number | string>,
    row: (...cells: readonly string[]) => void,
  ) => Promise<void>,
): Promise<Readonly<Record<string, number | string>>> {
  const figures: Record<string, number | string> = {};
  const rows: (readonly string[])[] = [];
  for (const name of ['native', 'wasm'] as const) {
    const backend = await backendOf(name);
    figures[name] = backend?.description ?? 'does not load';
    if (!backend) continue;
    await measure(name, figures, (...cells) => {
      rows.push([name, ...cells]);
      console.error(`  ${[name, ...cells].join('  ')}`);
    });
  }
  console.error(`\n${table(['backend', ...head], rows).join('\n')}\n`);
  return figures;
}
