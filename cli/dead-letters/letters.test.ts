import { describe, expect, test } from 'vitest';
import { FedcardioError } from '../../lib/error.ts';
import type { Queues } from '../../lib/storage/contract.ts';
import { createMemoryQueues } from '../../lib/storage/testing-queues.ts';
import { countLetters, eachQueue, readLetters, redrive } from './letters.ts';
import { describeMessage } from './words.ts';

const QUEUE = { name: 'heart-berlin-intake', deadLetterQueue: 'heart-berlin-intake-dlq' };

async function withLetters(...bodies: readonly string[]) {
  const queues = createMemoryQueues();
  for (const body of bodies) await queues.send(QUEUE.deadLetterQueue, body);
  return queues;
}

describe('dead letters', () => {
  test('are read without being taken', async () => {
    const queues = await withLetters('a', 'b', 'c');

    expect((await readLetters(queues, QUEUE, 100)).map(({ body }) => body)).toEqual(['a', 'b', 'c']);
    expect(await readLetters(queues, QUEUE, 2)).toHaveLength(2);
    expect(await countLetters(queues, [QUEUE])).toEqual([{ queue: QUEUE.name, letters: 3, problem: undefined }]);
  });

  test('are sent again once, and a second redrive finds none', async () => {
    const queues = await withLetters('a', 'b');

    expect(await redrive(queues, QUEUE)).toEqual({ queue: QUEUE.name, sent: 2, cameBack: 0 });
    expect(await redrive(queues, QUEUE)).toEqual({ queue: QUEUE.name, sent: 0, cameBack: 0 });
    const sent = await queues.receive(QUEUE.name, { max: 10, waitSeconds: 0 });
    expect(sent.map(({ body }) => body)).toEqual(['a', 'b']);
  });

  test('of a queue that cannot be read hide no others', async () => {
    const queues = await withLetters('a');
    const missing = { name: 'heart-aachen-intake', deadLetterQueue: 'heart-aachen-intake-dlq' };
    const known = (queue: string) => {
      if (queue !== missing.deadLetterQueue) return queue;
      throw new FedcardioError('NOT_FOUND', 'There is no such queue.');
    };
    const some: Queues = {
      ...queues,
      depth: async (queue) => queues.depth(known(queue)),
      receive: async (queue, options) => queues.receive(known(queue), options),
    };

    expect(await countLetters(some, [missing, QUEUE])).toEqual([
      { queue: missing.name, letters: undefined, problem: 'There is no such queue.' },
      { queue: QUEUE.name, letters: 1, problem: undefined },
    ]);
    const { results, problems } = await eachQueue([missing, QUEUE], (queue) => redrive(some, queue));
    expect(problems).toEqual([{ queue: missing.name, problem: 'There is no such queue.' }]);
    expect(results.map(({ result }) => result)).toEqual([{ queue: QUEUE.name, sent: 1, cameBack: 0 }]);
  });

  test('are not sent in a circle when they fail again at once', async () => {
    const queues = await withLetters('a');
    const failing = { ...queues, send: (_: string, body: string) => queues.send(QUEUE.deadLetterQueue, body) };

    expect(await redrive(failing, QUEUE)).toEqual({ queue: QUEUE.name, sent: 1, cameBack: 1 });
    expect(await readLetters(queues, QUEUE, 10)).toHaveLength(1);
  });
});

const s3 = (bucket: string, key: string, eventName = 'ObjectCreated:Put') =>
  JSON.stringify({
    Records: [{ eventVersion: '2.1', eventName, eventTime: 'now', s3: { bucket: { name: bucket }, object: { key } } }],
  });

describe('describeMessage', () => {
  test.each([
    [s3('heart-site-berlin', 'cases/p+1/image.nii.gz'), 'CT of case p 1 written in heart-site-berlin'],
    [
      s3('heart-site-berlin', 'held-out/p1/labels/calcification.nii.gz', 'ObjectRemoved:Delete'),
      'label calcification of held-out case p1 removed in heart-site-berlin',
    ],
    [
      s3('heart-federation', 'updates/berlin/tavi/student/0002/x.update.json'),
      'update of berlin for campaign tavi, student round 2 written in heart-federation',
    ],
    [
      s3('heart-federation', 'campaigns/tavi/campaign.json'),
      'campaign.json of campaign tavi written in heart-federation',
    ],
    [
      JSON.stringify({ federation: 'heart', site: 'berlin', campaign: 'tavi', stage: 'student', round: 3 }),
      'GPU task of berlin: campaign tavi, student round 3',
    ],
    ['{"Event":"s3:TestEvent"}', 'test event of S3'],
    ['rubbish \u001b[2J', 'unknown message: rubbish \\u{1b}[2J'],
    [s3('b', '%E0%A4%A\u202e'), 'object %E0%A4%A\\u{202e} written in b'],
  ])('says what %s is about', (body, words) => {
    expect(describeMessage(body)).toBe(words);
  });
});
