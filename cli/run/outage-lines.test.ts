import { expect, test } from 'vitest';
import type { OutageEvent } from '../../lib/storage/outages.ts';
import { createOutageLines } from './outage-lines.ts';

test('an outage that many processes report is said once a minute, and its end once', () => {
  const said: string[] = [];
  let ms = 0;
  const onOutage = createOutageLines(
    (line) => said.push(line),
    () => ms,
  );
  const since = '2026-01-01T12:00:00.000Z';
  const outage = (type: OutageEvent['type'], code: OutageEvent['code']): OutageEvent => ({
    type,
    code,
    since,
    reason: 'The disk of .fedcardio/demo/server is full.',
  });

  for (const at of [0, 1, 59_999, 60_000, 60_001]) {
    ms = at;
    onOutage(outage('waiting', 'STORAGE_FULL'));
  }
  onOutage(outage('over', 'STORAGE_FULL'));
  onOutage(outage('over', 'STORAGE_FULL'));

  const waiting =
    'The storage is full since 12:00:00 UTC, waiting: The disk of .fedcardio/demo/server is full. Free space, and the run goes on by itself.';
  expect(said).toEqual([waiting, waiting, 'The storage is back, and the run goes on.']);
});
