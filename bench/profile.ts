import { table } from '../cli/table.ts';
import { loadBackend } from '../lib/nn/backend.ts';
import { tf } from '../lib/nn/tf.ts';
import { seededRandom } from '../lib/random.ts';
import { inMemory, type PreparedCase } from '../lib/training/cases.ts';
import { cutPatch } from '../lib/training/patches.ts';
import { median, significant } from './figures/numbers.ts';
import { type BenchNetwork, FIELD_OF_VIEW_MM, networks, preparedPhantom, SEED } from './networks/networks.ts';
import { trainingOf, trainSteps } from './networks/steps.ts';

export const summary = 'Time of a training step on native TensorFlow, by operation';

const SIDE = 64;
const WARM_UP = 2;
const STEPS = 5;
/** Most operations in the table. */
const ROWS = 9;

interface Spent {
  readonly name: string;
  calls: number;
  ms: number;
}

/**
 * Trains on patches of 64³ as a GPU task does, and times every call into TensorFlow, which is synchronous. Tables go to
 * standard error.
 *
 * @returns by network: ms per step, and percent of it in convolutions, in all of TensorFlow, and in cutting patches. The
 *   rest is JavaScript
 */
export async function run(): Promise<Readonly<Record<string, number | string>>> {
  const { description } = await loadBackend('native');
  const figures: Record<string, number | string> = { backend: description };
  for (const network of networks()) {
    const { ms, spent } = await profiled(network);
    const patch = await patchMs(network);
    const percent = (part: number) => significant((100 * part) / ms);
    const rows = [
      ...spent.slice(0, ROWS),
      sumOf(spent.slice(ROWS), 'others'),
      { name: 'cutting patches', calls: 1, ms: patch },
      { name: 'JavaScript', calls: 1, ms: ms - sumOf(spent).ms - patch },
    ].map((row) => [row.name, String(significant(row.calls)), String(significant(row.ms)), `${percent(row.ms)} %`]);
    console.error(`\n${network.name}, ${SIDE}³: ${significant(ms)} ms per step`);
    console.error(table(['operation', 'calls', 'ms', 'share'], rows).join('\n'));
    const convolutions = sumOf(spent.filter(({ name }) => name.startsWith('Conv3D')));
    figures[`${network.name}.stepMs`] = significant(ms);
    figures[`${network.name}.convolutionPercent`] = percent(convolutions.ms);
    figures[`${network.name}.tensorFlowPercent`] = percent(sumOf(spent).ms);
    figures[`${network.name}.patchPercent`] = percent(patch);
  }
  return figures;
}

const sumOf = (all: readonly Spent[], name = ''): Spent => ({
  name,
  calls: all.reduce((sum, { calls }) => sum + calls, 0),
  ms: all.reduce((sum, { ms }) => sum + ms, 0),
});

/** Mean times per step after the warm-up, by operation, longest first. */
async function profiled(network: BenchNetwork): Promise<{ readonly ms: number; readonly spent: readonly Spent[] }> {
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
    return {
      ms: (performance.now() - start) / STEPS,
      spent: [...spent.values()]
        .map(({ name, calls, ms }) => ({ name, calls: calls / STEPS, ms: ms / STEPS }))
        .toSorted((a, b) => b.ms - a.ms),
    };
  } finally {
    backend.binding = binding;
  }
}

/** Functions of the addon: `executeOp`, whose first argument is the operation, and those that transfer tensors. */
type Binding = Record<'executeOp' | 'createTensor' | 'tensorDataSync', (...of: readonly unknown[]) => unknown>;

function timed(binding: Binding, spent: Map<string, Spent>): Binding {
  const clocked =
    (call: keyof Binding) =>
    (...of: readonly unknown[]) => {
      const start = performance.now();
      const result = binding[call](...of);
      const name = call === 'executeOp' ? String(of[0]) : call;
      const entry = spent.get(name) ?? { name, calls: 0, ms: 0 };
      entry.calls++;
      entry.ms += performance.now() - start;
      spent.set(name, entry);
      return result;
    };
  const clocks = new Map<string | symbol, unknown>(
    (['executeOp', 'createTensor', 'tensorDataSync'] as const).map((call) => [call, clocked(call)]),
  );
  return new Proxy({ ...binding }, { get: (_, name) => clocks.get(name) ?? Reflect.get(binding, name) });
}

/** Median time to cut the patches of one step. */
async function patchMs({ tasks }: BenchNetwork): Promise<number> {
  const spacing = FIELD_OF_VIEW_MM / SIDE;
  const from = (await inMemory(preparedPhantom(spacing)).load()) as PreparedCase;
  const ms = Array.from({ length: 9 }, (_, i) => {
    const start = performance.now();
    cutPatch(from, tasks, { side: SIDE, spacing, augment: true }, seededRandom('profile', SEED, i));
    return performance.now() - start;
  });
  return median(ms);
}
