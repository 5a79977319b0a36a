import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FedcardioError } from '../../../lib/error.ts';
import type { PredictOrder } from './order.ts';
import { createPredictions } from './predictions.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fedcardio-predictions-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const RESULT = { backend: 'b', origin: 'o', trainedOnPhantoms: true, cts: [], failed: [] };

/** Predictions whose processes end when the test says so. */
function setUp() {
  const ran: PredictOrder[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const failures: unknown[] = [];
  const predictions = createPredictions({
    root,
    place: { endpoint: undefined, federation: 'heart' },
    now: () => new Date('2026-01-01T00:00:00Z'),
    run: (order, signal) => {
      ran.push(order);
      return new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new FedcardioError('INTERRUPTED', 'Cancelled.')));
        ends.push((error) => {
          if (error) return reject(error);
          writeFileSync(order.result, JSON.stringify(RESULT));
          resolve();
        });
      });
    },
    onFailure: (error) => failures.push(error),
  });
  const phases = () => predictions.live.get().map(({ phase }) => phase);
  return { predictions, ran, ends, failures, phases };
}

type SetUp = ReturnType<typeof setUp>['predictions'];
const bytes = async function* (text: string) {
  yield Buffer.from(text);
};

async function begun(predictions: SetUp, ct = 'p1.nii.gz'): Promise<string> {
  const id = predictions.add({
    ct,
    source: 'nifti',
    model: { kind: 'stage', campaign: 'tavi', stage: 'student' },
    bytes: 4,
  });
  await predictions.give(id, 'ct', 'x', bytes('scan'));
  return id;
}
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('predictions of a page', () => {
  test('run one at a time, in the order of their start', async () => {
    const { predictions, ran, ends, phases } = setUp();
    const [first, second] = [await begun(predictions, 'a.nii'), await begun(predictions, 'b.nii')];

    predictions.start(first);
    predictions.start(second);

    expect(phases()).toEqual(['waiting', 'running']);
    ends[0]?.();
    await settled();
    expect(phases()).toEqual(['running', 'done']);
    expect(ran.map(({ request }) => request.cts[0]?.split('/').at(-1))).toEqual(['a.nii', 'b.nii']);
    expect(predictions.get(first).result?.files.map(({ file }) => file)).toEqual(['a.nii']);
  });

  test('are cancelled while they wait and while they run, and the next one begins', async () => {
    const { predictions, phases } = setUp();
    const ids = [await begun(predictions), await begun(predictions), await begun(predictions)] as const;
    for (const id of ids) predictions.start(id);

    predictions.cancel(ids[1]);
    predictions.cancel(ids[0]);
    await settled();

    expect(phases()).toEqual(['running', 'cancelled', 'cancelled']);
  });

  test('are removed with the CT', async () => {
    const { predictions } = setUp();
    const id = await begun(predictions);
    predictions.start(id);

    await predictions.remove(id);

    expect(existsSync(join(root, id))).toBe(false);
    expect(() => predictions.get(id)).toThrow('no such prediction');
  });

  test('say why they failed', async () => {
    const { predictions, ends } = setUp();
    const id = await begun(predictions);
    predictions.start(id);

    ends[0]?.(new FedcardioError('BAD_WEIGHTS', 'It has no model.', { hint: 'Give another.' }));
    await settled();

    expect(predictions.get(id).prediction).toMatchObject({
      phase: 'failed',
      error: { message: 'It has no model.', hint: 'Give another.' },
    });
  });

  test('go on, one after the other, when their folder is gone and no state can be written', async () => {
    const { predictions, ends, failures, phases } = setUp();
    const ids = [await begun(predictions), await begun(predictions), await begun(predictions)] as const;
    rmSync(root, { recursive: true });
    for (const id of ids) predictions.start(id);

    predictions.cancel(ids[1]);
    ends[0]?.(new Error('The CT is gone.'));
    await settled();

    expect(phases()).toEqual(['running', 'cancelled', 'failed']);
    expect(predictions.get(ids[0]).prediction.error).toEqual({ message: 'The CT is gone.' });
    expect(failures).toContainEqual(expect.objectContaining({ code: 'NOT_FOUND' }));
    await predictions.remove(ids[2]);
    expect(phases()).toEqual(['cancelled', 'failed']);
  });

  test('are kept when the page is started again; those that were not done have failed', async () => {
    const { predictions, ends } = setUp();
    const [done, open] = [await begun(predictions), await begun(predictions)];
    predictions.start(done);
    ends[0]?.();
    await settled();

    const again = setUp().predictions;

    expect(again.get(done).result).toBeDefined();
    expect(again.get(open).prediction).toMatchObject({ phase: 'failed', error: { hint: 'Predict the CT again.' } });
    expect(() => again.start(open)).toThrow('is failed');
  });

  test('that were saved without a process are listed, too', async () => {
    const { predictions } = setUp();
    const id = await begun(predictions);
    const state = join(root, id, 'prediction.json');
    const { pid: _, ...saved } = JSON.parse(readFileSync(state, 'utf8'));
    writeFileSync(state, JSON.stringify(saved));

    expect(setUp().predictions.get(id).prediction).toMatchObject({ phase: 'failed' });
  });

  test('of another process that runs are shown, and left alone until it ends', async () => {
    const { predictions } = setUp();
    const id = await begun(predictions);
    const other = spawn('sleep', ['60']);
    const state = join(root, id, 'prediction.json');
    writeFileSync(state, JSON.stringify({ ...JSON.parse(readFileSync(state, 'utf8')), pid: other.pid }));

    const second = setUp().predictions;

    expect(second.get(id).prediction).toMatchObject({
      phase: 'receiving',
      error: { hint: expect.stringContaining(`process ${other.pid}.`) },
    });
    for (const change of ['start', 'cancel', 'remove'] as const) {
      await expect(async () => second[change](id), change).rejects.toThrow('Another process');
    }
    expect(existsSync(join(root, id, 'given'))).toBe(true);

    other.kill('SIGKILL');
    await once(other, 'exit');
    const { value } = await second.live.next(undefined);

    expect(value).toMatchObject([{ phase: 'failed', error: { hint: 'Predict the CT again.' } }]);
    await second.remove(id);
    expect(existsSync(join(root, id))).toBe(false);
  });

  test('take no more than was announced, no path, and nothing after the start', async () => {
    const { predictions } = setUp();
    const id = predictions.add({
      ct: '../../../etc/pass wd.nii',
      source: 'nifti',
      model: { kind: 'file', file: '../../m.safetensors' },
      bytes: 3,
    });

    await expect(predictions.give(id, 'ct', '../../x', bytes('more'))).rejects.toThrow('More bytes');
    await predictions.give(id, 'ct', '../../x', bytes('one'));
    await expect(predictions.give(id, 'other', 'x', bytes('1'))).rejects.toThrow('no such part');
    predictions.start(id);
    await expect(predictions.give(id, 'ct', 'x', bytes(''))).rejects.toThrow('is running');

    expect(existsSync(join(root, id, 'files', '_.._.._etc_pass_wd.nii'))).toBe(true);
  });

  test('refuse what is no CT, and what does not fit on the disk', () => {
    const { predictions } = setUp();
    const model = { kind: 'file', file: 'm' } as const;

    expect(() => predictions.add({ ct: 'ct.png', source: 'nifti', model, bytes: 1 })).toThrow('no CT as NIfTI');
    expect(() => predictions.add({ ct: 'ct.nii', source: 'nifti', model, bytes: 1e15 })).toThrow('do not fit');
  });
});
