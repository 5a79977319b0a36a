import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FederationStore } from '../storage/contract.ts';
import { encodeSafetensors } from '../weights/safetensors.ts';
import { untrainedMetadata } from '../weights/untrained.ts';
import type { Weights } from '../weights/weights.ts';
import {
  configured,
  f32,
  floatsOf,
  memoryStore,
  merge,
  mergedModel,
  STRATEGIES,
  storeFile,
  storeUpdate,
} from './testing.ts';

const NAMES = ['body.a', 'body.b', 'out.first', 'out.second'];
const SIZE = 5;
const SITES = 5;

interface Site {
  readonly values: readonly number[];
  readonly samples: number;
  readonly untrained: readonly string[];
}

const finite = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e3, max: 1e3 });
const site: fc.Arbitrary<Site> = fc.record({
  values: fc.array(finite, { minLength: SIZE * NAMES.length, maxLength: SIZE * NAMES.length }),
  samples: fc.integer({ min: 1, max: 500 }),
  untrained: fc.subarray(NAMES),
});
const sites = fc.array(site, { minLength: SITES, maxLength: SITES });

const weightsOf = (values: readonly number[]): Weights =>
  new Map(NAMES.map((name, i) => [name, f32(values.slice(i * SIZE, (i + 1) * SIZE))]));

const storeSites = (store: FederationStore, all: readonly Site[]) =>
  Promise.all(
    all.map(({ values, samples, untrained }, i) =>
      storeUpdate(store, `site-${i}`, samples, encodeSafetensors(weightsOf(values), untrainedMetadata(untrained))),
    ),
  );

describe('tensors that some sites did not train', () => {
  // Krum selects whole updates by all of their values.
  const strategies = STRATEGIES.filter((name) => !name.endsWith('krum'));

  test.each(strategies)(
    'with skip are what %s merges from the updates that trained them, or from all',
    async (strategy) => {
      const aggregation = configured(strategy, { untrained: 'skip' });
      await fc.assert(
        fc.asyncProperty(sites, fc.constantFrom(16, 32, 1024), async (all, sliceBytes) => {
          const store = memoryStore();
          const inputs = await storeSites(store, all);
          const base = {
            ...(await storeFile(store, 'base', encodeSafetensors(weightsOf(all[0]!.values)))),
            state: null,
          };
          for (const from of [null, base]) {
            const merged = await mergedModel(store, inputs, { aggregation, base: from, sliceBytes });
            for (const name of NAMES) {
              const trained = inputs.filter((_, i) => !all[i]?.untrained.includes(name));
              const contributors = trained.length > 0 ? trained : inputs;
              const alone = await mergedModel(store, contributors, { aggregation: configured(strategy), base: from });
              expect(merged.get(name)).toEqual(alone.get(name));
            }
          }
        }),
        { numRuns: 15 },
      );
    },
  );

  test('merge to the same bytes without skip, whether or not updates declare them', async () => {
    await fc.assert(
      fc.asyncProperty(sites, async (all) => {
        const [declaring, silent] = [memoryStore(), memoryStore()];
        const a = await merge(declaring, await storeSites(declaring, all));
        const b = await merge(
          silent,
          await storeSites(
            silent,
            all.map((one) => ({ ...one, untrained: [] })),
          ),
        );
        expect(a).toEqual(b);
      }),
      { numRuns: 15 },
    );
  });

  test('do not dilute a head that only one of three sites trained', async () => {
    const store = memoryStore();
    const start = { values: new Array(SIZE * NAMES.length).fill(1), samples: 100, untrained: ['out.second'] };
    const trained = { values: new Array(SIZE * NAMES.length).fill(4), samples: 1, untrained: [] };
    const inputs = await storeSites(store, [start, start, trained]);

    const skip = await mergedModel(store, inputs, { aggregation: configured('fedavg', { untrained: 'skip' }) });

    expect(new Set(floatsOf(skip).slice(-SIZE))).toEqual(new Set([4]));
    expect(new Set(floatsOf(skip).slice(0, -SIZE))).toEqual(new Set([Math.fround((100 + 100 + 4) / 201)]));
  });

  test.each(['no list', '{"out.second":true}', '[1]'])(
    'cannot be declared as %s: the update is refused',
    async (list) => {
      const store = memoryStore();
      const file = encodeSafetensors(weightsOf(new Array(SIZE * NAMES.length).fill(1)), { untrained: list });
      const input = await storeUpdate(store, 'munich', 1, file);

      const reason = 'the header\'s "untrained" is not a JSON list of tensor names.';
      expect(await merge(store, [input], { aggregation: configured('fedavg', { untrained: 'skip' }) })).toEqual({
        kind: 'refused',
        refused: [{ input, reason, permanent: true }],
      });
      expect((await merge(store, [input])).kind).toBe('merged');
    },
  );
});
