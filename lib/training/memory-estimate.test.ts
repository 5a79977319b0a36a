import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { ModelConfig, TrainingConfig } from '../federation/schemas.ts';
import { TASKS, type Task } from '../federation/tasks.ts';
import { availableBackends } from '../nn/testing.ts';
import { trainingBytes } from './memory-estimate.ts';

type Algorithm = TrainingConfig['algorithm'];

const HEADS: readonly Task[] = [TASKS.calcification, TASKS['membranous-septum']];
const UNET: ModelConfig = { kind: 'unet', features: [8, 16, 32, 64], deepSupervision: true };
const WIDE: ModelConfig = { kind: 'unet', features: [64, 128, 256], deepSupervision: true };
const SWIN: ModelConfig = { kind: 'swin-unetr', featureSize: 12, depths: [2, 2], heads: [3, 6], window: 7 };
const CHILD = fileURLToPath(new URL('../../test/fixtures/training/peak-memory.ts', import.meta.url));

const measurable = process.platform === 'linux' && (await availableBackends()).includes('native');

describe('the estimated memory of training', () => {
  test.skipIf(!measurable).each<readonly [string, ModelConfig, number, number, Algorithm]>([
    ['a UNet, large patches', UNET, 64, 2, undefined],
    ['a UNet, small patches', UNET, 32, 1, undefined],
    ['a UNet of many parameters', WIDE, 16, 1, undefined],
    ['SCAFFOLD', WIDE, 16, 1, { name: 'scaffold' }],
    ['Ditto', WIDE, 16, 1, { name: 'ditto', lambda: 1 }],
    ['a Swin UNETR, small patches', SWIN, 32, 1, undefined],
    ['a Swin UNETR, larger patches', SWIN, 48, 1, undefined],
  ])(
    'is within 30 % of the measured memory: %s',
    async (_, model, patch, batch, algorithm) => {
      const argument = JSON.stringify({ model, patch, batch, algorithm });
      const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', CHILD, argument]);
      const { before, peak } = JSON.parse(stdout) as { before: number; peak: number };
      const ratio = (before + trainingBytes(model, { patch, batch, algorithm }, HEADS)) / peak;
      expect(ratio).toBeGreaterThan(0.7);
      expect(ratio).toBeLessThan(1.3);
    },
    120_000,
  );

  test('grows with patch, batch, width and heads', () => {
    const bytes = (change: object, tasks: readonly Task[] = HEADS) =>
      trainingBytes({ ...UNET, ...change } as ModelConfig, { patch: 64, batch: 1, ...change }, tasks);
    for (const more of [{ patch: 96 }, { batch: 2 }, { features: [16, 32, 64, 128] }]) {
      expect(bytes(more)).toBeGreaterThan(bytes({}));
    }
    expect(bytes({})).toBeGreaterThan(bytes({}, HEADS.slice(0, 1)));
  });
});
