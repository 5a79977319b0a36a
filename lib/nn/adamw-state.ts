import { FedcardioError } from '../error.ts';
import { elementsOf, type Weights, type WeightTensor } from '../weights/weights.ts';
import { type Group, places } from './adamw-groups.ts';
import { tf } from './tf.ts';

/** Moments as `m/<name>` and `v/<name>`, and step counts as `steps/<group>`. */
export function readState(groups: readonly Group[]): Weights {
  return new Map(
    groups.flatMap((group) => [
      [`steps/${group.name}`, tensor([1], Float32Array.of(group.steps))] as const,
      ...(['m', 'v'] as const).flatMap((moment) => {
        const data = Float32Array.from(group[moment].dataSync());
        return places(group).map(
          ({ name, shape, start, end }) => [`${moment}/${name}`, tensor(shape, data.slice(start, end))] as const,
        );
      }),
    ]),
  );
}

/** Steps that a group had made in a state from {@link readState}; 0 without one. */
export const stepsOf = (state: Weights | undefined, group: string): number =>
  state?.get(`steps/${group}`)?.data[0] ?? 0;

/** Loads a state from {@link readState}. Throws `BAD_WEIGHTS`, and changes nothing, if it does not fit. */
export function loadState(groups: readonly Group[], state: Weights): void {
  for (const group of groups) checkState(group, state);
  for (const group of groups) {
    group.steps = state.get(`steps/${group.name}`)!.data[0]!;
    for (const moment of ['m', 'v'] as const) {
      const data = new Float32Array(group[moment].size);
      for (const { name, start } of places(group)) data.set(state.get(`${moment}/${name}`)!.data, start);
      tf.tidy(() => group[moment].assign(tf.tensor1d(data)));
    }
  }
}

const tensor = (shape: readonly number[], data: Float32Array): WeightTensor => ({
  dtype: 'F32',
  shape: [...shape],
  data,
});

function checkState(group: Group, state: Weights): void {
  const expected = [
    { name: `steps/${group.name}`, size: 1 },
    ...group.variables.flatMap(([name, { shape }]) =>
      ['m', 'v'].map((moment) => ({ name: `${moment}/${name}`, size: elementsOf(shape) })),
    ),
  ];
  const wrong = expected.find(({ name, size }) => state.get(name)?.data.length !== size);
  if (!wrong) return;
  throw new FedcardioError(
    'BAD_WEIGHTS',
    `the optimiser state does not fit: ${wrong.name} is missing or has another size.`,
    {
      hint: 'It belongs to another network. Leave it out to start the moments from zero.',
    },
  );
}
