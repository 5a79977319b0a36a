import { expect, test } from 'vitest';
import { TASKS } from '../../federation/tasks.ts';
import { initialWeights } from '../initial-weights.ts';
import { channelTitles, headChannels, onlyTask, withHead } from './channels.ts';
import { nnunetFolder } from './nnunet-folder.ts';
import { EXPORTS } from './testing-exports.ts';

const TWO = [TASKS['membranous-septum'], TASKS.calcification];

test('channels are counted over all heads, each with its background', () => {
  expect(headChannels(TWO).map(({ task, first, end }) => [task.id, first, end])).toEqual([
    ['membranous-septum', 0, 3],
    ['calcification', 3, 5],
  ]);
  expect(channelTitles(TWO)).toEqual([
    'Membranous septum: background',
    'Membranous septum: septum start',
    'Membranous septum: septum end',
    'Calcification: background',
    'Calcification: calcium',
  ]);
});

test('a model with one of its heads has the whole body, and no other head', () => {
  const { model } = EXPORTS.unet;
  const trained = { ...EXPORTS.unet, tasks: TWO, weights: initialWeights(model, TWO, 1) };

  const one = withHead(trained, 'calcification');

  expect(one.weights).toEqual(initialWeights(model, [TASKS.calcification], 1));
  expect(one.tasks).toEqual([TASKS.calcification]);
  expect(() => withHead(trained, 'hinge-points')).toThrow(expect.objectContaining({ code: 'BAD_CONFIGURATION' }));
});

test('nnU-Net gets UNets with one head', () => {
  const refused = (hint: RegExp) =>
    expect.objectContaining({ code: 'BAD_CONFIGURATION', hint: expect.stringMatching(hint) });

  expect(() => onlyTask(TWO, 'nnU-Net')).toThrow(refused(/--head: membranous-septum, calcification/));
  expect(() => nnunetFolder({ ...EXPORTS.unet, tasks: TWO })).toThrow(refused(/--head/));
  expect(() => nnunetFolder(EXPORTS['swin-unetr'])).toThrow(refused(/monai-bundle/));
});
