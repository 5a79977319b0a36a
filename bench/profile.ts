import { table } from '../cli/table.ts';
import { loadBackend } from '../lib/nn/backend.ts';
import { tf } from '../lib/nn/tf.ts';
import { seededRandom } from '../lib/random.ts';
import { boxed } from '../lib/training/cases.ts';
import { cutPatch } from '../lib/training/patches.ts';
import {
  type BenchNetwork,
  FIELD_OF_VIEW_MM,
  networks,
  preparedPhantom,
  SEED,
  significant,
} from './networks/networks.ts';
import { trainingOf, trainSteps } from './networks/steps.ts';

export const summary = 'Where the time of a training step goes on native TensorFlow, by operation';

const SIDE = 64;
const WARM_UP = 2;
const STEPS = 5;
/** Operations with a row of their own in the table. */
const ROWS = 9;

interface Spent {
  calls: number;
  ms: number;
}

/**
 * Trains on patches of 64³ as a task does, with a clock around every call into TensorFlow, where operations run to
 * their end. Tables go to standard error.
 *
 * @returns by network: ms of a step, and percent of it in convolutions, in TensorFlow altogether, and in cutting patches;
 * the rest is JavaScript
 */
export async function run(): Promise<Readonly<Record<string, number | string>>> {
  const { description } = await loadBackend('native');
  const figures: Record<string, number | string> = { backend: description };
  for (const network of networks()) {
    const { seconds, spent } = await profiled(network);
    const step = (1000 * seconds) / STEPS;
    const percent = (ms: number) => significant((100 * ms) / step);
    const patch = patchMs(network);
    const all = [...spent].map(([name, { calls, ms }]) => ({ name, calls: calls / STEPS, ms: ms / STEPS }));
    const sum = (of: typeof all) => of.reduce((total, { ms }) => total + ms, 0);
    const convolutions = all.filter(({ name }) => name.startsWith('Conv3D'));
    const [top, others] = [
      all.toSorted((a, b) => b.ms - a.ms).slice(0, ROWS),
      all.toSorted((a, b) => b.ms - a.ms).slice(ROWS),
    ];
    const rows = [
      ...top,
      {
        name: `${others.length} others`,
        calls: others.reduce((total, { calls }) => total + calls, 0),
        ms: sum(others),
      },
      { name: 'cutting patches', calls: 1, ms: patch },
      { name: 'JavaScript', calls: 1, ms: step - sum(all) - patch },
    ].map(({ name, calls, ms }) => [name, String(significant(calls)), String(significant(ms)), `${percent(ms)} %`]);
    console.error(
      `\n${network.name}, ${SIDE}³: ${significant(step)} ms a step\n${table(['operation', 'calls', 'ms', 'share'], rows).join('\n')}`,
    );
    figures[`${network.name}.stepMs`] = significant(step);
    figures[`${network.name}.convolutionPercent`] = percent(sum(convolutions));
    figures[`${network.name}.tensorFlowPercent`] = percent(sum(all));
    figures[`${network.name}.patchPercent`] = percent(patch);
  }
  return figures;
}

/** Of the steps after the warm-up. */
async function profiled(
  network: BenchNetwork,
): Promise<{ readonly seconds: number; readonly spent: ReadonlyMap<string, Spent> }> {
  const backend = tf.backend() as unknown as { binding: Binding };
  const { binding } = backend;
  const spent = new Map<string, Spent>();
  backend.binding = timed(binding, spent);
  let start = 0;
  try {
    await trainSteps(network, trainingOf(SIDE, WARM_UP + STEPS), (step) => {
      if (step !== WARM_UP) return;
      spent.clear();
      start = performance.now();
    });
    return { seconds: (performance.now() - start) / 1000, spent };
  } finally {
    backend.binding = binding;
  }
}

/** The addon's functions: `executeOp` with the operation's name first, and those that bring numbers in and out. */
type Binding = Record<'executeOp' | 'createTensor' | 'tensorDataSync', (...of: readonly unknown[]) => unknown>;

function timed(binding: Binding, spent: Map<string, Spent>): Binding {
  const clocked =
    (call: keyof Binding) =>
    (...of: readonly unknown[]) => {
      const start = performance.now();
      const result = binding[call](...of);
      const name = call === 'executeOp' ? String(of[0]) : call;
      const entry = spent.get(name) ?? { calls: 0, ms: 0 };
      entry.calls++;
      entry.ms += performance.now() - start;
      spent.set(name, entry);
      return result;
    };
  const calls = (['executeOp', 'createTensor', 'tensorDataSync'] as const).map((call) => [call, clocked(call)]);
  return Object.assign(Object.create(binding), Object.fromEntries(calls));
}

/** Of the patch of one step, median of some. */
function patchMs({ tasks }: BenchNetwork): number {
  const spacing = FIELD_OF_VIEW_MM / SIDE;
  const from = boxed(preparedPhantom(spacing));
  const ms = Array.from({ length: 9 }, (_, i) => {
    const start = performance.now();
    cutPatch(from, tasks, { side: SIDE, spacing, augment: true }, seededRandom('profile', SEED, i));
    return performance.now() - start;
  });
  return ms.toSorted((a, b) => a - b)[4] as number;
}
