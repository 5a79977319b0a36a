import { expect, test } from 'vitest';
import { gpuTaskMessage } from '../../../lib/federation/testing.ts';
import { createMemoryStorage } from '../../../lib/storage/testing-objects.ts';
import { createMemoryQueues } from '../../../lib/storage/testing-queues.ts';
import { lettersSchema } from '../../../page/api/operations.ts';
import { generatedFederation } from '../../../test/helpers/documents.ts';
import { createPageContext } from '../context.ts';
import { letters } from './queues.ts';

const QUEUE = 'fedcardio-site-0001-intake';

async function lettersOf(bodies: readonly string[], queue = QUEUE) {
  const queues = createMemoryQueues();
  for (const body of bodies) await queues.send(`${QUEUE}-dlq`, body);
  const context = createPageContext({
    ...{ openBucket: createMemoryStorage(), id: 'fedcardio', declared: generatedFederation(2) },
    openQueues: async () => queues,
  });
  const answer = lettersSchema.parse(await letters(context, { params: {}, query: { queue }, body: undefined }));
  return { ...answer, queues };
}

test('a dead letter is shown with what it is about, and stays where it is', async () => {
  const { letters, queues } = await lettersOf([JSON.stringify(gpuTaskMessage({ site: 'bonn' }))]);

  expect(letters).toMatchObject([{ about: 'GPU task of bonn: campaign tavi, teacher/hinge-points round 1' }]);
  expect(await queues.depth(`${QUEUE}-dlq`)).toMatchObject({ waiting: 1, inFlight: 0 });
});

test('a hostile letter is bounded, and has no character that acts', async () => {
  const { letters } = await lettersOf([`\u001b[2J\u202e${'x'.repeat(100_000)}`]);

  expect(letters[0]?.body.length).toBeLessThan(5000);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
  expect(`${letters[0]?.about}${letters[0]?.body}`).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
});

test('of many letters the first fifty are shown', async () => {
  const { letters } = await lettersOf(Array.from({ length: 70 }, (_, index) => `letter ${index}`));

  expect(letters).toHaveLength(50);
  expect(new Set(letters.map(({ id }) => id)).size).toBe(50);
});

test('the dead-letter queue has the letters of its queue, and a queue that is not there is named', async () => {
  expect((await lettersOf(['x'], `${QUEUE}-dlq`)).letters).toHaveLength(1);
  await expect(lettersOf([], 'fedcardio-site-0001-intak')).rejects.toMatchObject({
    code: 'NOT_FOUND',
    hint: expect.stringContaining(`"${QUEUE}"`),
  });
});
