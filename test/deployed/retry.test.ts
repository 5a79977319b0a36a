import { expect, test } from 'vitest';
import { type AttemptEnd, isRetried, type RetryCondition } from './retry.ts';

/** As documented: retry a reclaimed host and one exit code, end everything else. */
const CONDITIONS: readonly RetryCondition[] = [
  { action: 'RETRY', onStatusReason: 'Host EC2*' },
  { action: 'RETRY', onExitCode: '143' },
  { action: 'RETRY', onReason: 'CannotPullContainerError*' },
  { action: 'EXIT', onReason: '*' },
];
const EXITED = 'Essential container in task exited';

test.each<[string, AttemptEnd, boolean]>([
  ['a reclaimed host', { statusReason: 'Host EC2 (instance i-0123) terminated.' }, true],
  ['an exit code that is named', { exitCode: 143, statusReason: EXITED }, true],
  ['an exit code that starts alike', { exitCode: 14, statusReason: EXITED }, false],
  ['a slow pull', { reason: 'CannotPullContainerError: timeout', statusReason: 'Task failed to start' }, true],
  ['anything else, without a reason', { exitCode: 137, statusReason: EXITED }, false],
])('%s: retried %s', (_, end, expected) => {
  expect(isRetried(CONDITIONS, end)).toBe(expected);
});

test('retries an attempt that no condition matches', () => {
  expect(isRetried([{ action: 'EXIT', onExitCode: '2' }], { exitCode: 1, statusReason: EXITED })).toBe(true);
  expect(isRetried([], { exitCode: 1, statusReason: EXITED })).toBe(true);
});

test('a condition matches if all of its patterns do', () => {
  const both: readonly RetryCondition[] = [{ action: 'EXIT', onExitCode: '1', onStatusReason: 'Task failed*' }];

  expect(isRetried(both, { exitCode: 1, statusReason: EXITED })).toBe(true);
  expect(isRetried(both, { exitCode: 1, statusReason: 'Task failed to start' })).toBe(false);
});
