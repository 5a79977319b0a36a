import { expect, test } from 'vitest';
import { EXPORTS } from './interchange/testing-exports.ts';
import { type CardFacts, modelCard } from './model-card.ts';

const trained = EXPORTS['swin-unetr'];
const facts: CardFacts = {
  release: '1.2.3',
  plan: 'ab'.repeat(32),
  data: { sites: 2, cases: 31 },
  withdrawn: { cases: 0, commits: [] },
  pseudoLabels: true,
  scores: [
    { task: 'calcification', sites: 2, n: 9, main: { value: 0.512, low: 0.4, high: 0.6 } },
    {
      task: 'membranous-septum',
      sites: 1,
      n: 18,
      main: { value: 0.9, low: null, high: null },
      error: { value: 2.04, low: 1.5, high: 3 },
      missing: 1,
    },
  ],
  licence: undefined,
};

test('a card says what goes in, what comes out, how good it is, and where it comes from', () => {
  const card = modelCard(trained, facts);

  for (const text of [
    '| 1 | `calcification` | segmentation | calcium |',
    '| 2 | `membranous-septum` | landmarks | background |',
    '| voxels | 3 mm, isotropic |',
    'updates of 2 sites, trained on 31 CTs',
    'All of them are synthetic',
    'Dice 0.51 (0.40 to 0.60)',
    '| Membranous septum | 1 | 18 points | 90 % within 6 mm | 2.0 (1.5 to 3.0) mm | 1 |',
    'no\ndifferential privacy and no secure aggregation',
    'None was chosen.',
    `plan | SHA-256 \`${facts.plan}\``,
    'for research only, not a medical device',
  ]) {
    expect(card.replaceAll(/\s+/g, ' ')).toContain(text.replaceAll(/\s+/g, ' '));
  }
  expect(card).not.toMatch(/undefined|NaN/);
});

test('a card states the privacy of its campaign', () => {
  const card = modelCard(trained, { ...facts, privacy: 'Differential privacy of every site: ε 3.00.' });

  expect(card).toContain('Differential privacy of every site: ε 3.00.');
  expect(card).not.toContain('No formal privacy');
});

test('a card of an unscored model says so, and claims no synthetic data that nobody recorded', () => {
  const card = modelCard({ ...trained, trainedOnPhantoms: undefined }, { ...facts, scores: [], licence: 'CC-BY-4.0' });

  expect(card).toContain('did not evaluate this model');
  expect(card).not.toContain('synthetic');
  expect(card).toContain('CC-BY-4.0');
});

test('a card tells how many cases were withdrawn since, and which commits contain them', () => {
  const commits = Array.from({ length: 30 }, (_, index) => String(index).padStart(64, '0'));

  const card = modelCard(trained, { ...facts, withdrawn: { cases: 2, commits } });

  expect(modelCard(trained, facts)).toContain('no site had withdrawn a case');
  expect(card).toContain('**2 cases that the model may have learnt from were withdrawn since.**');
  expect(card.match(/^- `0{62}\d\d`$/gm)).toHaveLength(20);
});
