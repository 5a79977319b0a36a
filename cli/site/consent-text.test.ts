import { expect, test } from 'vitest';
import { consentDocument } from '../../lib/federation/testing.ts';
import { consentsText, consentText } from './consent-text.ts';

const NOW = new Date('2026-03-02T12:00:00.000Z');

test('lists what waits for a person first, and consents that have ended', () => {
  const text = consentsText(
    'berlin',
    [
      consentDocument({ campaign: 'a', until: '2026-03-02T11:00:00.000Z' }),
      consentDocument({ campaign: 'b', state: 'withdrawn', by: 'Anna\u001b[2J' }),
      consentDocument({ campaign: 'c', state: 'asked', by: 'policy' }),
    ],
    NOW,
    'fedcardio site consent berlin CAMPAIGN',
  ).split('\n');

  expect(text[2]).toMatch(/^c +waits for you +2026-03-02 08:00/);
  expect(text[3]).toMatch(/^a +ended +Data protection officer/);
  expect(text[4]).toMatch(/^b +withdrawn +Anna/);
  expect(text.join()).not.toContain('\u001b');
  expect(text.at(-1)).toBe('What a campaign asks, and how to answer: fedcardio site consent berlin CAMPAIGN');
});

test('says what a campaign asks, what may leave, and what protects', () => {
  const terms = {
    purpose: 'Planning of valve replacement',
    stages: [{ name: 'student', kind: 'student', tasks: ['calcification'], rounds: 9, leaves: ['weights' as const] }],
    privacy: {
      secureAggregation: { range: 1 },
      differentialPrivacy: { noise: 'central', unit: 'site', clip: 1, epsilon: 8, delta: 1e-5 },
    } as const,
  };
  const limits = { scores: 'none', figures: false, minimumCases: 7, budget: { epsilon: 3, delta: 1e-6 } } as const;

  const text = consentText(consentDocument({ terms, limits, reason: 'A study.' }), NOW);

  expect(text).toContain('tavi: agreed (Data protection officer, 2026-03-02 08:00:00 UTC): A study.');
  expect(text).toContain('purpose: Planning of valve replacement');
  expect(text).toMatch(/student +student +calcification +9 +weights/);
  for (const line of [
    '- no scores leave',
    '- no figures leave',
    '- privacy budget: ε 3 at δ 0.000001, over all campaigns',
    '- secure aggregation: the coordinator sees the sum of all updates, no single one',
    '- differential privacy: ε 8 at δ 0.00001',
  ])
    expect(text.split('\n')).toContain(line);
});
