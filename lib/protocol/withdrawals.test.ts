import { expect, test } from 'vitest';
import type { Stage } from '../federation/schemas.ts';
import { type Notice, type SealedRound, withdrawnIn } from './withdrawals.ts';

const sha = (name: string) => Buffer.from(name.padEnd(32, '-')).toString('hex');
const update = (site: string, name: string) =>
  ({ site, sha256: sha(`${name} metadata`), weights: { sha256: sha(name) } }) as SealedRound['seal']['updates'][number];
const round = (number: number, ...updates: SealedRound['seal']['updates']): SealedRound => ({
  round: number,
  seal: { updates },
});
const notice = (site: string, ...updates: string[]): Notice => ({ site, updates: new Set(updates.map(sha)) });
const stage = (kind: string, name: string, fields: object = {}) =>
  ({ kind, name, after: [], ...fields }) as unknown as Stage;

const STAGES = [
  {
    stage: stage('teacher', 'teacher'),
    rounds: [round(1, update('a', 'a1'), update('b', 'b1')), round(2, update('a', 'a2')), round(3, update('b', 'b3'))],
  },
  { stage: stage('pseudo-label', 'label', { teachers: ['teacher'] }), rounds: [round(1)] },
  { stage: stage('student', 'student', { pseudoLabels: 'label' }), rounds: [round(1, update('b', 'b4'))] },
  {
    stage: stage('student', 'control', { after: ['teacher'] }),
    rounds: [round(1, update('a', 'a5')), round(2, update('b', 'b5'))],
  },
];

test('a round counts the withdrawn cases of its updates, of earlier rounds, and of the stages that it is built on', () => {
  const affected = withdrawnIn([notice('a', 'a2'), notice('b', 'b3', 'b5'), notice('b', 'b3')], STAGES);

  expect(affected.map(({ stage: name, round: at, cases }) => `${name} ${at}: ${cases}`)).toEqual([
    'teacher 2: 1',
    'teacher 3: 3',
    'label 1: 3',
    'student 1: 3',
    'control 2: 1',
  ]);
});

test('a late update counts, one without weights is known by its metadata, and nobody names another site', () => {
  const late: SealedRound = { round: 2, seal: { updates: [update('a', 'a2')], late: [update('b', 'b1')] } };
  const report = { site: 'a', sha256: sha('report'), weights: null } as SealedRound['seal']['updates'][number];
  const stages = [
    { stage: stage('teacher', 'teacher'), rounds: [round(1, update('a', 'a1')), late] },
    { stage: stage('evaluate', 'evaluate', { models: {} }), rounds: [round(1, report)] },
  ];

  expect(withdrawnIn([notice('b', 'b1', 'a1')], stages)).toEqual([{ stage: 'teacher', round: 2, cases: 1 }]);
  expect(withdrawnIn([notice('a', 'report')], stages)).toEqual([{ stage: 'evaluate', round: 1, cases: 1 }]);
});
