import { describe, expect, test } from 'vitest';
import { TASKS, type Task } from '../federation/tasks.ts';
import { writeMarkups } from '../imaging/markups.ts';
import { writeNifti } from '../imaging/nifti-write.ts';
import type { Grid } from '../imaging/volume.ts';
import { examineClassMap, examineMarkups } from './label.ts';
import { GRID, POINTS, VOXELS } from './testing.ts';

const HINGES = TASKS['hinge-points'];
const CALCIUM = TASKS.calcification;

/** Examines a class map of these voxels, with 0 for all behind them. */
async function examine(task: Task, voxels: readonly number[], grid: Grid = GRID) {
  const data = new Float32Array(VOXELS);
  data.set(voxels);
  const file = writeNifti({ ...grid, data });
  return examineClassMap(
    (async function* () {
      yield file;
    })(),
    file.length,
    task,
    GRID,
  );
}

/** Reason and hint of a refusal. */
const refusal = (examined: Promise<unknown>) =>
  examined.then(
    () => undefined,
    ({ code, message, hint }) => ({ code, message, hint }),
  );

describe('a class map', () => {
  test('of landmarks may lack some, and not all', async () => {
    expect(await examine(HINGES, [2, 2, 3])).toEqual({ 1: 0, 2: 2, 3: 1, 4: 0, 5: 0 });
    expect(await refusal(examine(HINGES, []))).toEqual({
      code: 'BAD_LABEL',
      message: 'It contains no landmark.',
      hint: `Mark at least one of ${HINGES.classes.map((name, i) => `${i + 1} ${name}`).join(', ')}, or remove the file.`,
    });
  });

  test('of a segmentation may be empty', async () => {
    expect(await examine(CALCIUM, [])).toEqual({ 1: 0 });
  });

  const classes = `Classes of calcification: 0 background, 1 ${CALCIUM.classes[0]}.`;
  test.each<[string, readonly number[], string, string]>([
    [
      'probabilities',
      [0.25, 0.5, 1],
      'It contains the values 0.25, 0.5, which are not classes of calcification: it is a map of probabilities, not of classes.',
      `Set a threshold and export the segmentation itself. ${classes}`,
    ],
    [
      'a value above 1',
      [0.25, 1.5],
      'It contains the values 0.25, 1.5, which are not classes of calcification.',
      classes,
    ],
    [
      'a value below 0',
      [0.25, -0.5],
      'It contains the values 0.25, -0.5, which are not classes of calcification.',
      classes,
    ],
    ['another class', [1, 2], 'It contains the values 2, which are not classes of calcification.', classes],
    [
      'many values, of which five are named',
      [2, 3, 3, 4, 5, 6, 7, 8],
      'It contains the values 2, 3, 4, 5, 6, which are not classes of calcification.',
      classes,
    ],
  ])('with %s is refused', async (_, voxels, message, hint) => {
    expect(await refusal(examine(CALCIUM, voxels))).toEqual({ code: 'BAD_LABEL', message, hint });
  });

  test('on another grid is refused, and says whether it was turned', async () => {
    const [x, y, z] = GRID.affine;
    const moved = { ...GRID, affine: [[...x.slice(0, 3), x[3] + 3], y, z] } as unknown as Grid;
    const turned = { ...GRID, affine: [x.map((value) => -value), y, z] } as unknown as Grid;

    expect((await refusal(examine(CALCIUM, [], moved)))?.message).toMatch(
      /^Its voxels are up to 3\.0 mm away from those of the image\.$/,
    );
    expect((await refusal(examine(CALCIUM, [], turned)))?.message).toMatch(
      / \(they run [A-Z]+, those of the image [A-Z]+\)\.$/,
    );
  });
});

describe('points', () => {
  test('outside the image are named, all of them', () => {
    const far = POINTS.map((point, i) => (i < 2 ? { ...point, position: [1e4, 0, 0] as const } : point));
    const names = HINGES.classes.slice(0, 2).join(', ');

    expect(() => examineMarkups(writeMarkups(far, HINGES.classes), HINGES, GRID)).toThrow(
      `These points lie outside the image: ${names}.`,
    );
  });
});
