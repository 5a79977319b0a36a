import { afterEach, expect, test } from 'vitest';
import { type AskedWorker, startAskedWorker } from './asked-worker.ts';

const DOUBLE = `
  const { parentPort, workerData } = require('node:worker_threads');
  parentPort.on('message', (number) => {
    if (number > workerData) throw new Error('too large');
    parentPort.postMessage(2 * number);
  });
`;

let worker: AskedWorker<number>;
afterEach(() => worker.close());

test('each message gets its own answer', async () => {
  worker = startAskedWorker<number>(DOUBLE, 100);

  expect(await Promise.all([1, 2, 3].map(worker.ask))).toEqual([2, 4, 6]);
});

test('a thread that is closed answers nobody, and says so to those who wait', async () => {
  worker = startAskedWorker<number>("require('node:worker_threads').parentPort.on('message', () => undefined)");
  const waits = worker.ask(1);
  expect(worker.hasEnded()).toBe(false);

  await worker.close();

  await expect(waits).rejects.toThrow('The thread has ended.');
  expect(worker.hasEnded()).toBe(true);
});

test('what ends the thread is the error of all who wait and of all who ask later', async () => {
  worker = startAskedWorker<number>(DOUBLE, 2);
  // An answer that is on its way when the thread ends may be lost, so that this one is awaited.
  expect(await worker.ask(1)).toBe(2);

  const answers = await Promise.allSettled([3, 2].map(worker.ask));

  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await expect(worker.ask(1)).rejects.toThrow('too large');
});
