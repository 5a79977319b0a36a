import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { TrainingConfig } from '../federation/schemas.ts';
import { asControls, controlsIn, parametersIn } from '../models/control-variates.ts';
import { loadBackend } from '../nn/backend.ts';
import { tf } from '../nn/tf.ts';
import type { Weights } from '../weights/weights.ts';
import { inMemory } from './cases.ts';
import { bodyOf } from './local-parameters.ts';
import { ballCase } from './testing-cases.ts';
import { differenceOf, toyRound as input, still, toyTraining as training } from './testing-round.ts';
import { type TrainRoundInput, type TrainRoundResult, trainRound } from './train-round.ts';

beforeEach(() => loadBackend());

type Algorithm = NonNullable<TrainingConfig['algorithm']>;
const by = (algorithm: Algorithm): TrainingConfig => ({ ...training, algorithm });
const BERLIN = input;
/** A site without a case of the septum. */
const BONN: TrainRoundInput = {
  ...input,
  site: 'bonn',
  cases: ['c', 'd'].map((id) => inMemory(ballCase(id, 16, 6, ['calcification']))),
};

const namesOf = (weights: Weights) => [...weights.keys()];
const headsOf = (weights: Weights): Weights => new Map([...weights].filter(([name]) => !bodyOf(weights).has(name)));
const ofTask = (weights: Weights, task: string): Weights =>
  new Map([...weights].filter(([name]) => name.includes(`.${task}.`)));
/** The mean of weights, as federated averaging merges updates of equal samples. */
const meanOf = (all: readonly Weights[]): Weights =>
  new Map(
    namesOf(all[0]!).map((name) => {
      const tensors = all.map((weights) => weights.get(name)!);
      const sum = (i: number) => tensors.reduce((total, { data }) => total + data[i]!, 0);
      return [name, { ...tensors[0]!, data: tensors[0]!.data.map((_, i) => sum(i) / all.length) }];
    }),
  );
/** The round after `last` at the same site. */
const next = (of: TrainRoundInput, last: TrainRoundResult, global: Weights): TrainRoundInput => ({
  ...of,
  round: 2,
  global,
  local: last.local,
  optimizer: last.optimizer,
});

describe('FedPer', () => {
  const fedper = by({ name: 'fedper' });

  test("merges the body of federated averaging, while each site's heads are its own", async () => {
    const sites = [BERLIN, BONN];
    const plain = await Promise.all(sites.map((site) => trainRound(site)));
    const personal = await Promise.all(sites.map((site) => trainRound({ ...site, training: fedper })));

    expect(meanOf(personal.map(({ weights }) => weights))).toEqual(bodyOf(meanOf(plain.map(({ weights }) => weights))));
    expect(personal[0]!.local).toEqual(headsOf(plain[0]!.weights));
    expect(personal[1]!.local).toEqual(ofTask(headsOf(plain[1]!.weights), 'calcification'));
    for (const [name, { data }] of personal[1]!.local) expect(personal[0]!.local.get(name)!.data).not.toEqual(data);
  });

  test('trains its own heads on the merged body', async () => {
    const last = await trainRound({ ...BERLIN, training: fedper });
    const { weights: body } = await trainRound({ ...BONN, training: fedper });

    const onward = await trainRound({ ...next(BERLIN, last, body), training: fedper, optimizer: undefined });

    const whole = await trainRound({ ...BERLIN, round: 2, global: new Map([...body, ...last.local]) });
    expect(onward.weights).toEqual(bodyOf(whole.weights));
    expect(onward.local).toEqual(headsOf(whole.weights));
  });

  test('begins with the first weights of a head that it had no target for', async () => {
    const last = await trainRound({ ...BONN, training: fedper });

    const onward = await trainRound({
      ...next(BERLIN, last, last.weights),
      training: { ...still, algorithm: { name: 'fedper' } },
      optimizer: undefined,
    });

    const { weights: first } = await trainRound({ ...BERLIN, training: still });
    const [head, expected] = [onward.local, headsOf(first)].map((weights) => ofTask(weights, 'membranous-septum'));
    expect(differenceOf(head!, expected!)).toBeLessThan(1e-9);
  });
});

describe('SCAFFOLD', () => {
  const scaffold = by({ name: 'scaffold' });

  test('sends the weights of federated averaging in the first round, and control variates beside them', async () => {
    const before = tf.memory().numTensors;
    const plain = await trainRound(BONN);
    const corrected = await trainRound({ ...BONN, training: scaffold });

    expect(parametersIn(corrected.weights)).toEqual(plain.weights);
    expect(corrected.local).toEqual(asControls(controlsIn(corrected.weights)));
    expect(namesOf(controlsIn(corrected.weights))).toEqual(namesOf(plain.weights));
    expect(corrected.untrained).toEqual([...plain.untrained, ...plain.untrained.map((name) => `scaffold/${name}`)]);
    for (const [name, { data }] of controlsIn(corrected.weights)) {
      expect(
        data.some((value) => value !== 0),
        name,
      ).toBe(!plain.untrained.includes(name));
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  test('of sites with the same data is federated averaging, to the byte', async () => {
    for (const options of [{}, { accumulate: 2, gradientClip: 0.1 }]) {
      const plain = await trainRound({ ...BERLIN, training: { ...training, ...options } });
      const corrected = await trainRound({ ...BERLIN, training: { ...scaffold, ...options } });
      const [merged, controlled] = [plain, corrected].map(({ weights }) => meanOf([weights, weights, weights]));

      const second = await trainRound({ ...next(BERLIN, plain, merged!), training: { ...training, ...options } });
      const secondCorrected = await trainRound({
        ...next(BERLIN, corrected, controlled!),
        training: { ...scaffold, ...options },
      });

      expect(parametersIn(secondCorrected.weights)).toEqual(second.weights);
    }
  });

  test('of different sites corrects the second round, except at a site that did not take part in the first', async () => {
    const [berlin, bonn] = await Promise.all([BERLIN, BONN].map((site) => trainRound({ ...site, training: scaffold })));
    const global = meanOf([berlin!.weights, bonn!.weights]);

    const second = { ...next(BERLIN, berlin!, global), training: scaffold };
    const plain = await trainRound({ ...second, global: parametersIn(global), training, local: undefined });
    const corrected = await trainRound(second);
    const newcomer = await trainRound({ ...second, local: undefined });

    expect(parametersIn(corrected.weights)).not.toEqual(plain.weights);
    expect(parametersIn(newcomer.weights)).toEqual(plain.weights);
  });

  test('refuses control variates of another network', async () => {
    const last = await trainRound({ ...BERLIN, training: scaffold });
    const [name] = namesOf(last.local);
    const local = new Map([...last.local].filter(([key]) => key !== name));

    const round = trainRound({ ...next(BERLIN, last, last.weights), local, training: scaffold });

    await expect(round).rejects.toMatchObject({ code: 'BAD_WEIGHTS' });
  });
});

describe('Ditto', () => {
  const ditto = (lambda: number) => by({ name: 'ditto', lambda });
  const sharedOnly = (optimizer: Weights): Weights =>
    new Map([...optimizer].filter(([name]) => !name.startsWith('personal/')));

  test('sends what federated averaging sends, to the byte, whatever λ', async () => {
    const plain = await trainRound(BERLIN);
    const second = await trainRound(next(BERLIN, plain, plain.weights));
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0, max: 1e6, noNaN: true }), async (lambda) => {
        const personal = await trainRound({ ...BERLIN, training: ditto(lambda) });
        const onward = await trainRound({ ...next(BERLIN, personal, plain.weights), training: ditto(lambda) });

        for (const [mine, theirs] of [
          [personal, plain],
          [onward, second],
        ] as const) {
          expect(mine.weights).toEqual(theirs.weights);
          expect(sharedOnly(mine.optimizer)).toEqual(theirs.optimizer);
          expect(mine.figures).toMatchObject(theirs.figures);
        }
      }),
      { numRuns: 3 },
    );
  });

  test('with λ 0 trains as a site alone does', async () => {
    const alone = await trainRound(BERLIN);
    const aloneOnward = await trainRound({ ...BERLIN, round: 2, global: alone.weights, optimizer: alone.optimizer });
    const { weights: other } = await trainRound(BONN);

    const personal = await trainRound({ ...BERLIN, training: ditto(0) });
    const onward = await trainRound({ ...next(BERLIN, personal, other), training: ditto(0) });

    expect(personal.local).toEqual(alone.weights);
    expect(onward.local).toEqual(aloneOnward.weights);
  });

  test('with a huge λ is the model that the round starts from', async () => {
    const personal = await trainRound({ ...BERLIN, training: ditto(0) });
    const { weights: global } = await trainRound(BONN);

    const held = await trainRound({ ...next(BERLIN, personal, global), training: ditto(1e12) });

    expect(differenceOf(held.local, global)).toBeLessThan(1e-9);
  });

  test('comes nearer to the global model the larger λ is', async () => {
    const { weights: global } = await trainRound(BERLIN);
    const distances: number[] = [];
    for (const lambda of [0, 10, 100, 1000]) {
      const { local } = await trainRound({ ...BERLIN, round: 2, global, training: { ...ditto(lambda), steps: 8 } });
      const squares = [...local].flatMap(([name, { data }]) =>
        Array.from(data, (x, i) => (x - global.get(name)!.data[i]!) ** 2),
      );
      distances.push(squares.reduce((sum, x) => sum + x, 0));
    }

    expect(distances).toEqual(distances.toSorted((a, b) => b - a));
    expect(new Set(distances).size).toBe(distances.length);
  });

  test('keeps no head that the site has no target for', async () => {
    const { local } = await trainRound({ ...BONN, training: ditto(1) });

    expect(ofTask(local, 'calcification').size).toBeGreaterThan(0);
    expect(ofTask(local, 'membranous-septum').size).toBe(0);
  });
});
