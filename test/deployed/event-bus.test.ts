import { expect, test } from 'vitest';
import type { Deployment } from './deployment.ts';
import { createEventBus } from './event-bus.ts';
import type { Functions } from './functions.ts';

const place = { account: '111122223333', region: 'eu-central-1' };
const FUNCTION = 'arn:aws:lambda:eu-central-1:111122223333:function:heart-bonn-job-failed';
const TOPIC = 'arn:aws:sns:eu-central-1:111122223333:alarms';
const RULE = { ...place, arn: 'arn:rule', pattern: { detail: { status: ['FAILED'] } }, targets: [FUNCTION, TOPIC] };
const PERMISSION = { function: 'heart-bonn-job-failed', principal: 'events.amazonaws.com', sourceArn: 'arn:rule' };
const EVENT = { ...place, source: 'aws.batch', 'detail-type': 'Batch Job State Change', detail: { status: 'FAILED' } };

function busWith(permissions: Deployment['permissions']) {
  const invoked: string[] = [];
  const functions = { invokeLater: (name: string) => invoked.push(name) } as unknown as Functions;
  const nothing = { functions: [], sources: [], schedules: [], jobQueues: [], jobDefinitions: [] };
  return { invoked, bus: createEventBus({ ...nothing, rules: [RULE], permissions }, functions) };
}

test('sends an event that matches to every target', () => {
  const { bus, invoked } = busWith([PERMISSION]);

  bus.put(EVENT);

  expect(invoked).toEqual(['heart-bonn-job-failed']);
  expect(bus.sent).toEqual([{ target: 'alarms', event: EVENT }]);
  expect(bus.refused).toEqual([]);
});

test.each([
  ['a state that does not match', { ...EVENT, detail: { status: 'RUNNING' } }],
  ['another account', { ...EVENT, account: '444455556666' }],
  ['another region', { ...EVENT, region: 'eu-west-1' }],
])('sends nothing for %s', (_, event) => {
  const { bus, invoked } = busWith([PERMISSION]);

  bus.put(event);

  expect([...invoked, ...bus.sent]).toEqual([]);
});

test.each([
  ['no permission', []],
  ['the permission of another rule', [{ ...PERMISSION, sourceArn: 'arn:other' }]],
  ['the permission of another service', [{ ...PERMISSION, principal: 's3.amazonaws.com' }]],
])('with %s, a function is not invoked, which is recorded', (_, permissions) => {
  const { bus, invoked } = busWith(permissions);

  bus.put(EVENT);

  expect(invoked).toEqual([]);
  expect(bus.refused).toEqual(['heart-bonn-job-failed']);
});
