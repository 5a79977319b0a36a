import { expect, test } from 'vitest';
import type { Json } from '../../cdk/isolation/resolve.ts';
import { matches } from './event-pattern.ts';

const EVENT = {
  source: 'aws.batch',
  'detail-type': 'Batch Job State Change',
  detail: { status: 'FAILED', jobQueue: 'arn:q', attempts: [], tags: ['a', 'b'] },
};

test.each<[Json, boolean]>([
  [{ source: ['aws.batch'] }, true],
  [{ source: ['aws.ecs', 'aws.batch'], detail: { status: ['FAILED'], jobQueue: ['arn:q'] } }, true],
  [{ detail: { status: ['SUCCEEDED'] } }, false],
  [{ detail: { jobQueue: [{ prefix: 'arn:' }] } }, true],
  [{ detail: { status: [{ 'anything-but': ['FAILED'] }] } }, false],
  [{ detail: { reason: [{ exists: false }] } }, true],
  [{ detail: { reason: ['none'] } }, false],
  [{ detail: { tags: ['b'] } }, true],
  [null, false],
])('%j matches: %s', (pattern, expected) => {
  expect(matches(pattern, EVENT)).toBe(expected);
});

test('refuses an operator that it does not know', () => {
  expect(() => matches({ source: [{ cidr: '10.0.0.0/8' }] }, EVENT)).toThrow('cidr');
});
