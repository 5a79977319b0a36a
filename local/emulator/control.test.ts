import { describe, expect, test } from 'vitest';
import { BUCKET, useServer } from './testing.ts';

const server = useServer();
const ask = async (method: string, path: string, body?: unknown) => {
  const answer = await fetch(server.url(`/_fedcardio/${path}`), {
    method,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: the tests check its content
  return { status: answer.status, body: (await answer.json()) as any };
};

describe('the control endpoint', () => {
  test('reports health and memory of the server', async () => {
    const { body } = await ask('GET', 'health');
    expect(body).toMatchObject({ status: 'ok', services: ['s3', 'sqs'] });
    expect(body.rssBytes).toBeGreaterThan(1e6);
    expect(body.peakRssBytes).toBeGreaterThanOrEqual(body.rssBytes * 0.5);
  });

  test('counts requests by operation until the counts are reset', async () => {
    await ask('DELETE', 'requests');
    await server.put('counted');
    await server.get('counted');
    await server.get('missing').catch(() => undefined);
    await server.createQueue('counted');

    const s3 = { GetObject: 2, PutObject: 1 };
    expect((await ask('DELETE', 'requests')).body).toEqual({ s3, sqs: { CreateQueue: 1, GetQueueAttributes: 1 } });
    expect((await ask('GET', 'requests')).body).toEqual({ s3: {}, sqs: {} });
  });

  test('turns faults on, reports how often each was applied, and turns them off', async () => {
    const rules = [{ fault: 'slow-down', target: `^${BUCKET}/faulty$` }];
    const on = await ask('PUT', 'faults', { seed: 3, rules });
    const [faulty, other] = [await fetch(server.url(`/${BUCKET}/faulty`)), await fetch(server.url(`/${BUCKET}/other`))];
    const state = await ask('GET', 'faults');
    await ask('DELETE', 'faults');

    expect(on).toEqual({ status: 200, body: { seed: 3, rules: [{ ...rules[0], rate: 1 }], struck: [0] } });
    expect([faulty.status, other.status]).toEqual([503, 404]);
    expect(state.body.struck).toEqual([1]);
    expect((await fetch(server.url(`/${BUCKET}/faulty`))).status).toBe(404);
    expect((await ask('GET', 'faults')).body).toEqual({ rules: [], struck: [] });
  });

  test.each([
    ['PUT', 'faults', 'no JSON', 400, /not JSON/],
    ['PUT', 'faults', { rules: [{ fault: 'drop', rate: 2 }] }, 400, /rules\[0\]\.rate/],
    ['POST', 'faults', {}, 405, /GET, PUT, DELETE/],
    ['GET', 'unknown', undefined, 404, /health, requests or faults/],
  ])('refuses %s %s %o', async (method, path, body, status, message) => {
    const answer = await ask(method, path, body);
    expect(answer).toMatchObject({ status, body: { message: expect.stringMatching(message) } });
  });
});
