import { describe, expect, test } from 'vitest';
import { FedcardioError } from '../error.ts';
import { keyOf } from '../federation/testing.ts';
import { sha256Hex } from '../json.ts';
import type { FederationStore } from '../storage/contract.ts';
import { decodeTensors, encodeSafetensors } from '../weights/safetensors.ts';
import type { Tensor } from '../weights/weights.ts';
import type { MergeInput } from './inputs.ts';
import {
  configured,
  f32,
  floatsOf,
  memoryStore,
  merge,
  mergedModel,
  model,
  STRATEGIES,
  storeFile,
  storeUpdate,
} from './testing.ts';

describe('mergeUpdates', () => {
  test('returns key, length and SHA-256 of the model', async () => {
    const store = memoryStore();
    const inputs = [await storeUpdate(store, 'berlin', 1, model(1, 2, 3))];

    const merged = await merge(store, inputs, { key: 'round/global' });

    const { body } = await store.get(keyOf('round/global'));
    expect(merged).toEqual({
      kind: 'merged',
      global: { key: 'round/global', sha256: sha256Hex(body), bytes: body.length },
      state: null,
    });
  });

  test('says that there is nothing to merge', async () => {
    expect(await merge(memoryStore(), [])).toEqual({ kind: 'impossible', reason: 'There is no update to merge.' });
  });

  test.each(['F16', 'BF16'] as const)('takes no model of %s as a base', async (dtype) => {
    const store = memoryStore();
    const file = encodeSafetensors(model(1, 2), {}, { dtype });
    const base = { ...(await storeFile(store, 'base', file)), state: null };
    const inputs = [await storeUpdate(store, 'berlin', 1, model(1, 2))];

    await expect(merge(store, inputs, { base })).rejects.toMatchObject({
      code: 'BAD_WEIGHTS',
      message: `base holds ${dtype}; global models must hold F32.`,
    });
  });

  test('gives noise to all values of a model, of which none may be a whole number', async () => {
    const count: Tensor = { dtype: 'I32', shape: [1], data: Int32Array.of(7) };
    const asked: number[] = [];
    const privacy = (dimension: number) => {
      asked.push(dimension);
      return { clip: 1, divisor: 4, step: 2 ** -10 };
    };
    const mergeFrom = async (tensors: ReadonlyMap<string, Tensor>) => {
      const store = memoryStore();
      const base = { ...(await storeFile(store, 'base', encodeSafetensors(tensors))), state: null };
      return merge(store, [await storeUpdate(store, 'berlin', 1, tensors)], { base, privacy });
    };

    expect((await mergeFrom(model(1, 2, 3))).kind).toBe('merged');
    expect(asked).toEqual([3]);
    await expect(mergeFrom(new Map<string, Tensor>([...model(1, 2), ['steps', count]]))).rejects.toMatchObject({
      code: 'BAD_WEIGHTS',
      message: '"steps" is I32, which cannot be merged with privacy.',
    });
  });

  test('calls onPart after each slice', async () => {
    const store = memoryStore();
    const inputs = [await storeUpdate(store, 'berlin', 1, model(...Array.from({ length: 40 }, (_, i) => i)))];
    let calls = 0;
    const onPart = async () => {
      calls++;
    };

    await merge(store, inputs, { onPart, sliceBytes: 16 });

    expect(calls).toBe(10);
  });

  test('clips the norm of the difference from the base, and nothing without a base', async () => {
    const store = memoryStore();
    const base = { ...(await storeFile(store, 'base', encodeSafetensors(model(1, 1, 1)))), state: null };
    const inputs = [
      await storeUpdate(store, 'berlin', 1, model(1, 4, 5)),
      await storeUpdate(store, 'munich', 3, model(1, 1, 2)),
    ];
    const aggregation = configured('fedavg', { clipNorm: 1 });

    const clipped = await mergedModel(store, inputs, { aggregation, base });
    const whole = await mergedModel(store, inputs, { aggregation });

    // Differences: (0, 3, 4) of norm 5, clipped to 1, and (0, 0, 1).
    expect(floatsOf(clipped)).toEqual([1, 1.15, 1 + (0.8 + 3) / 4].map(Math.fround));
    expect(floatsOf(whole)).toEqual([1, 1.75, 2.75]);
  });

  test('computes Krum distances correctly if another update has huge values', async () => {
    const store = memoryStore();
    const updates = [model(3e38, 3e38, -3e38), model(1, 1, 1), model(1, 1, 1.5), model(1, 1.25, 1.5)];
    const inputs = await Promise.all(updates.map((update, i) => storeUpdate(store, `site-${i}`, 1, update)));
    const base = { ...(await storeFile(store, 'base', encodeSafetensors(model(0.5, 2, 1)))), state: null };
    const aggregation = configured('krum', { byzantine: 0 });

    for (const from of [null, base]) {
      expect(floatsOf(await mergedModel(store, inputs, { aggregation, base: from }))).toEqual([1, 1, 1.5]);
    }
  });

  test('measures Krum distances between clipped differences, and of whole values without a base', async () => {
    const store = memoryStore();
    const updates = [model(100, 0, 0), model(1, 0, 0), model(1, 0.5, 0), model(0, 1, 0)];
    const inputs = await Promise.all(updates.map((update, i) => storeUpdate(store, `site-${i}`, 1, update)));
    const base = { ...(await storeFile(store, 'base', encodeSafetensors(model(0, 0, 0)))), state: null };
    const aggregation = configured('krum', { byzantine: 0, clipNorm: 1 });

    // Clipped to the norm 1, the first two are equal, and nearer to the others than the third is.
    expect(floatsOf(await mergedModel(store, inputs, { aggregation, base }))).toEqual([1, 0, 0]);
    expect(floatsOf(await mergedModel(store, inputs, { aggregation, base: null }))).toEqual([1, 0.5, 0]);
  });

  test('calls onPart while Krum distances are computed, once for each slice of all updates', async () => {
    const store = memoryStore();
    const update = model(...Array.from({ length: 40 }, (_, i) => i));
    const inputs = await Promise.all([0, 1, 2].map((i) => storeUpdate(store, `site-${i}`, 1, update)));
    const callsWith = async (strategy: 'krum' | 'fedavg') => {
      let calls = 0;
      const onPart = async () => {
        calls++;
      };
      await merge(store, inputs, { aggregation: configured(strategy), onPart, sliceBytes: 48 });
      return calls;
    };

    // Krum reads all updates twice: to choose, and to merge.
    expect(await callsWith('krum')).toBe(2 * (await callsWith('fedavg')));
  });

  test('is impossible when the server optimiser overflows float32', async () => {
    const store = memoryStore();
    const base = { ...(await storeFile(store, 'base', encodeSafetensors(model(0, 0)))), state: null };
    const inputs = [await storeUpdate(store, 'berlin', 1, model(1e18, 1))];

    for (const [strategy, options] of [
      ['fedadam', { learningRate: 1e39 }],
      ['fedavgm', { learningRate: 1e30 }],
    ] as const) {
      expect(await merge(store, inputs, { aggregation: configured(strategy, options), base })).toEqual({
        kind: 'impossible',
        reason: expect.stringMatching(/optimiser overflows float32/),
      });
      expect(await store.head(keyOf('global'))).toBeUndefined();
    }
  });

  test.each([
    ['the base', 'base', /base: the weights have SHA-256/],
    ['the state', 'before', /before: the weights have SHA-256/],
  ])('throws if %s has changed, and blames no update', async (_, changed, message) => {
    const store = memoryStore();
    const aggregation = configured('fedadam');
    const file = await storeFile(store, 'base', encodeSafetensors(model(0, 0, 0)));
    const inputs = [await storeUpdate(store, 'berlin', 1, model(1, 2, 3))];
    const first = await merge(store, inputs, { aggregation, base: { ...file, state: null }, stateKey: 'before' });
    const base = { ...file, state: first.kind === 'merged' ? first.state : null };
    const bytes = (await store.get(keyOf(changed))).body;
    bytes[bytes.length - 4] = 1;
    await store.put(keyOf(changed), bytes);

    const merging = merge(store, inputs, { aggregation, base });

    await expect(merging).rejects.toThrow(message);
    await expect(merging).rejects.toMatchObject({ code: 'BAD_WEIGHTS' });
  });

  test('throws if the state belongs to another optimiser or another model', async () => {
    const store = memoryStore();
    const inputs = [await storeUpdate(store, 'berlin', 1, model(1, 2, 3))];
    const file = await storeFile(store, 'base', encodeSafetensors(model(0, 0, 0)));
    const momentum = configured('fedavgm');
    const first = await merge(store, inputs, { aggregation: momentum, base: { ...file, state: null } });
    const state = first.kind === 'merged' ? first.state : null;
    const larger = await storeFile(store, 'larger', encodeSafetensors(model(0, 0, 0, 0)));

    await expect(
      merge(store, inputs, { aggregation: configured('fedadam'), base: { ...file, state } }),
    ).rejects.toThrow("state is not the state of this stage's optimiser: the moments are m, not m,v.");
    await expect(merge(store, inputs, { aggregation: momentum, base: { ...larger, state } })).rejects.toThrow(
      'tensor "w" is F32 [2,1], in the optimiser it is F32 [3,1]',
    );
  });
});

describe('mergeUpdates refuses', () => {
  const good = encodeSafetensors(model(1, 2, 3));
  /** Each writes a faulty update of munich. */
  const faults: readonly [string, (store: FederationStore) => Promise<MergeInput>, RegExp][] = [
    [
      'a value that is NaN',
      (o) => storeUpdate(o, 'munich', 1, encodeSafetensors(model(1, 2, Number.NaN))),
      /tensor "w".*not finite/,
    ],
    [
      'an infinite value',
      (o) => storeUpdate(o, 'munich', 1, encodeSafetensors(model(Number.NEGATIVE_INFINITY, 2, 3))),
      /tensor "a".*not finite/,
    ],
    [
      'another shape',
      (o) => storeUpdate(o, 'munich', 1, encodeSafetensors(model(1, 2, 3, 4))),
      /"w" is F32 \[3\], in the global model it is F32 \[2\]/,
    ],
    [
      'a file that is not safetensors',
      (o) => storeUpdate(o, 'munich', 1, Buffer.from('no weights at all')),
      /header claims/,
    ],
    [
      'bytes with another SHA-256',
      async (o) => {
        const input = await storeUpdate(o, 'munich', 1, good);
        await o.put(input.weights.key, encodeSafetensors(model(1, 2, 4)));
        return input;
      },
      /SHA-256 [0-9a-f]{64}, not [0-9a-f]{64}/,
    ],
    [
      'a truncated file',
      async (o) => {
        const input = await storeUpdate(o, 'munich', 1, good);
        await o.put(input.weights.key, good.subarray(0, -4));
        return input;
      },
      /munich.safetensors has \d+ bytes, not the \d+ that its metadata says/,
    ],
    [
      'bytes after the end',
      async (o) => {
        const input = await storeUpdate(o, 'munich', 1, good);
        await o.put(input.weights.key, Buffer.concat([good, Buffer.alloc(4)]));
        return input;
      },
      /munich.safetensors has \d+ bytes, not the \d+ that its metadata says/,
    ],
    [
      'a header that describes fewer bytes than the file has',
      (o) => storeUpdate(o, 'munich', 1, Buffer.concat([good, Buffer.alloc(4)])),
      /header describes \d+ bytes, the update's metadata says \d+/,
    ],
    [
      'the wrong type of floats',
      (o) => storeUpdate(o, 'munich', 1, model(1, 2, 3), 'F16'),
      /"a" is F16; floats must be F32/,
    ],
    [
      'another type',
      (o) =>
        storeUpdate(
          o,
          'munich',
          1,
          new Map<string, Tensor>([...model(1, 2), ['w', { dtype: 'I32', shape: [2], data: Int32Array.of(1, 2) }]]),
        ),
      /"w" is I32 \[2\], in the global model it is F32 \[2\]/,
    ],
    [
      'another name',
      (o) =>
        storeUpdate(
          o,
          'munich',
          1,
          new Map([
            ['a', f32([1])],
            ['b', f32([1, 2])],
          ]),
        ),
      /"w" of the global model is missing/,
    ],
    [
      'more than maxUpdateBytes',
      (o) => storeUpdate(o, 'munich', 1, model(...new Array(30_000).fill(1))),
      /\d{6} bytes, 80000 are allowed/,
    ],
    [
      'a file whose length differs from its metadata',
      async (o) => {
        const input = await storeUpdate(o, 'munich', 1, good);
        return { ...input, weights: { ...input.weights, bytes: 1 } };
      },
      /has \d+ bytes, not the 1 that its metadata says/,
    ],
    [
      'a header much longer than the global model has',
      (o) => storeUpdate(o, 'munich', 1, encodeSafetensors(model(1, 2, 3), { note: 'x'.repeat(70_000) })),
      /the header claims \d+ bytes; 2 to 65536 are allowed/,
    ],
    [
      'a missing file',
      async (o) => {
        const input = await storeUpdate(o, 'munich', 1, good);
        await o.delete(input.weights.key);
        return input;
      },
      /no such object/,
    ],
  ];

  test.each(faults)('%s permanently, and writes nothing', async (_, write, reason) => {
    const store = memoryStore();
    const berlin = await storeUpdate(store, 'berlin', 3, good);
    const hamburg = await storeUpdate(store, 'hamburg', 1, encodeSafetensors(model(5, 6, 7)));
    const munich = await write(store);

    const base = { ...berlin.weights, state: null };
    const aggregation = configured('fedavg', { maxUpdateBytes: 80_000 });
    for (const sliceBytes of [16, 1024]) {
      expect(await merge(store, [berlin, hamburg, munich], { aggregation, sliceBytes, base })).toEqual({
        kind: 'refused',
        refused: [{ input: munich, reason: expect.stringMatching(reason), permanent: true }],
      });
      expect(await store.head(keyOf('global'))).toBeUndefined();
    }
    expect(await merge(store, [berlin, hamburg])).toMatchObject({
      global: { sha256: sha256Hex(encodeSafetensors(model(2, 3, 4))) },
    });
  });

  test('an update with a different layout than most in a first round, but not permanently', async () => {
    const store = memoryStore();
    const odd = await storeUpdate(store, 'berlin', 1, encodeSafetensors(model(1, 2, 3, 4)));
    const others = [await storeUpdate(store, 'hamburg', 1, good), await storeUpdate(store, 'munich', 1, good)];

    expect(await merge(store, [odd, ...others])).toEqual({
      kind: 'refused',
      refused: [{ input: odd, reason: 'tensor "w" is F32 [3], in most updates it is F32 [2]', permanent: false }],
    });
  });

  test.each(['berlin', 'munich'])(
    "an update that is not of the stage's network, whoever is first: %s",
    async (other) => {
      const store = memoryStore();
      const own = await storeUpdate(store, 'hamburg', 1, good);
      const odd = await storeUpdate(store, other, 1, encodeSafetensors(model(1, 2, 3, 4)));
      const odd2 = await storeUpdate(store, `${other}-2`, 1, encodeSafetensors(model(1, 2, 3, 4)));
      const network = new Map(
        [...decodeTensors(good)].map(([name, { shape }]) => [name, { dtype: 'F32' as const, shape }]),
      );
      const reason = 'tensor "w" is F32 [3], in the stage\'s network it is F32 [2]';

      const inputs = [own, odd, odd2].sort((a, b) => (a.site < b.site ? -1 : 1));

      const refused = inputs.filter((input) => input !== own).map((input) => ({ input, reason, permanent: true }));
      expect(await merge(store, inputs, { network })).toEqual({ kind: 'refused', refused });
    },
  );

  test('a header of more than a megabyte in a first round, without reading it', async () => {
    const store = memoryStore();
    const input = await storeUpdate(store, 'munich', 1, encodeSafetensors(model(1), { note: 'x'.repeat(1_000_000) }));
    let read = 0;
    const counted: FederationStore = {
      ...store,
      getRange: async (...args) => {
        const bytes = await store.getRange(...args);
        read += bytes.length;
        return bytes;
      },
    };

    const merged = await merge(counted, [input]);

    const reason = expect.stringContaining('2 to 1000000 are allowed');
    expect(merged).toEqual({ kind: 'refused', refused: [{ input, reason, permanent: true }] });
    expect(read).toBeLessThan(200_000);
  });

  test('nothing after a storage error, which is thrown so that the caller retries', async () => {
    const store = memoryStore();
    const berlin = await storeUpdate(store, 'berlin', 3, good);
    const slowDown = () => Promise.reject(new Error('503 slow down'));
    for (const broken of [{ putParts: slowDown }, { getRange: slowDown }]) {
      await expect(merge({ ...store, ...broken }, [berlin])).rejects.toThrow('503 slow down');
    }
  });

  test('nothing when onPart throws, and rethrows its error', async () => {
    const store = memoryStore();
    const inputs = [await storeUpdate(store, 'berlin', 3, model(...new Array(40).fill(1)))];
    const onPart = () => Promise.reject(new Error('out of time'));

    await expect(merge(store, inputs, { onPart, sliceBytes: 16 })).rejects.toThrow('out of time');
    expect(await store.head(keyOf('global'))).toBeUndefined();
  });

  test('an update that ends early', async () => {
    const store = memoryStore();
    const input = await storeUpdate(store, 'berlin', 3, good);
    const cut: FederationStore = {
      ...store,
      getRange: async (...args) => (await store.getRange(...args)).subarray(0, args[1] > 0 ? -1 : undefined),
    };

    expect(await merge(cut, [input], { sliceBytes: 16 })).toEqual({
      kind: 'refused',
      refused: [{ input, reason: `the weights end before byte ${good.length}`, permanent: true }],
    });
  });

  test('an update that is deleted while it is read', async () => {
    const store = memoryStore();
    const large = encodeSafetensors(model(...new Array(40_000).fill(1)));
    const input = await storeUpdate(store, 'berlin', 3, large);
    const deleted: FederationStore = {
      ...store,
      getRange: async (key, start, ...rest) => {
        if (start > 0) throw new FedcardioError('NOT_FOUND', 'There is no such object.');
        return store.getRange(key, start, ...rest);
      },
    };

    expect(await merge(deleted, [input])).toEqual({
      kind: 'refused',
      refused: [{ input, reason: expect.stringMatching(/^the weights end before byte \d+$/), permanent: true }],
    });
  });

  test('an update that continues after its end', async () => {
    const store = memoryStore();
    const large = encodeSafetensors(model(...new Array(40_000).fill(1)));
    const input = await storeUpdate(store, 'berlin', 3, large);
    await store.put(input.weights.key, Buffer.concat([large, Buffer.alloc(1)]));

    expect(await merge(store, [input])).toEqual({
      kind: 'refused',
      refused: [{ input, reason: `the weights continue after byte ${large.length}`, permanent: true }],
    });
  });

  test.each(STRATEGIES)('finite but huge values where %s could not merge them', async (strategy) => {
    const store = memoryStore();
    const base = { ...(await storeFile(store, 'base', encodeSafetensors(model(0, 0, 0)))), state: null };
    const others: MergeInput[] = [];
    for (const site of ['berlin', 'hamburg', 'jena', 'kiel']) {
      others.push(await storeUpdate(store, site, 1, model(1, 2, 3)));
    }
    const aggregation = configured(strategy);
    for (const value of [3.3e38, -3.3e38, 1.1e18, 1e18]) {
      const huge = await storeUpdate(store, 'munich', 1, model(1, 2, value));
      for (const from of [base, null]) {
        const merged = await merge(store, [...others, huge], { aggregation, base: from });

        const reason = expect.stringMatching(/^tensor "w" holds -?[\d.e+]+; at most 1000000000000000000 is allowed$/);
        if (strategy.startsWith('fed') && strategy !== 'fedavg' && value !== 1e18) {
          expect(merged).toEqual({ kind: 'refused', refused: [{ input: huge, reason, permanent: true }] });
        } else {
          expect(merged.kind).toBe('merged');
          const { body } = await store.get(keyOf('global'));
          expect(() => decodeTensors(body, { finite: true })).not.toThrow();
        }
      }
    }
  });

  test('a difference that overflows float32', async () => {
    const store = memoryStore();
    const base = { ...(await storeFile(store, 'base', encodeSafetensors(model(3e38, 0)))), state: null };
    const input = await storeUpdate(store, 'berlin', 3, model(3e38, 0));

    expect(await merge(store, [input], { base, delta: true })).toEqual({
      kind: 'refused',
      refused: [{ input, reason: 'a difference added to the global model is not finite', permanent: true }],
    });
  });
});

test('a late update of a first round is merged as whole weights among differences, and its norm is named as such', async () => {
  const store = memoryStore();
  const base = { ...(await storeFile(store, 'base', encodeSafetensors(model(10, 20)))), state: null };
  const difference = await storeUpdate(store, 'berlin', 3, model(1, 2));
  const whole = await storeUpdate(store, 'munich', 0.5, model(8, 24));
  const options = { base, delta: true, aggregation: configured('fedavg', { clipFactor: 100 }) };

  const merged = await merge(store, [difference, { ...whole, late: true, whole: true }], options);

  expect(floatsOf(decodeTensors((await store.get(keyOf('global'))).body))).toEqual(
    [(3 * 11 + 0.5 * 8) / 3.5, (3 * 22 + 0.5 * 24) / 3.5].map(Math.fround),
  );
  expect(merged.kind === 'merged' && merged.norms).toEqual([
    { site: 'berlin', norm: Math.sqrt(5), factor: 1 },
    { site: 'munich', norm: Math.sqrt(20), factor: 1, late: true },
  ]);
});

test('merges in more ranges than a call can have arguments', async () => {
  const store = memoryStore();
  const values = Float32Array.from({ length: 180_000 }, (_, i) => i % 100);
  const sites = ['berlin', 'hamburg', 'munich'];
  const inputs: MergeInput[] = [];
  for (const [i, site] of sites.entries()) {
    const weights = new Map([['w', f32(values.map((value) => value + i))]]);
    inputs.push(await storeUpdate(store, site, 1, weights));
  }

  const merged = await mergedModel(store, inputs, { aggregation: configured('median'), sliceBytes: 16 });

  expect(floatsOf(merged).length).toBe(values.length);
  expect(floatsOf(merged).every((value, i) => value === (i % 100) + 1)).toBe(true);
});
