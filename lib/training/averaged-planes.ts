import type { Task, TaskId } from '../federation/tasks.ts';
import { voxelsOf } from '../imaging/affine.ts';
import { linearPlanes } from '../imaging/resample.ts';
import type { Grid, Volume } from '../imaging/volume.ts';
import type { Network } from '../models/network.ts';
import { type Planes, slidingWindow, windowCount } from '../nn/sliding-window.ts';
import { tf } from '../nn/tf.ts';
import type { PreparedImage } from './cases.ts';

/** A network of an ensemble, with the CT as it was prepared for this network. */
export interface Member {
  readonly network: Network;
  readonly image: PreparedImage;
  /** Side of the inference windows, voxels. */
  readonly patch: number;
}

/** How a CT is predicted in windows. */
export interface WindowOptions {
  /** Least share of a window that the next one overlaps, from 0 to below 1. Default: half. */
  readonly overlap?: number | undefined;
  /** Called after each window with the number of windows so far and of all. */
  readonly onWindow?: ((done: number, total: number) => void) | undefined;
}

/**
 * The image on whose grid an ensemble is averaged: the one with the smallest voxels, or else with the most of them, so that
 * no network's detail and no part that a network saw is lost.
 */
export const finestOf = (members: readonly Member[]): PreparedImage =>
  members
    .map(({ image }) => image)
    .reduce((best, image) => {
      const [now, before] = [image, best].map(({ affine }) => affine[0][0]) as [number, number];
      const isFiner = now < before || (now === before && voxelsOf(image.shape) > voxelsOf(best.shape));
      return isFiner ? image : best;
    });

/**
 * The mean of the class probabilities of several networks, plane by plane on the grid of {@link finestOf}. Networks on this
 * grid are run side by side, so that each holds no more than a window's depth. The probabilities of a network on another
 * grid are held whole, and interpolated; it votes for background where it saw nothing.
 */
export function* averagedPlanes(
  members: readonly Member[],
  tasks: readonly Task[],
  { overlap, onWindow }: WindowOptions,
): Generator<Planes<TaskId>, void> {
  const grid = finestOf(members);
  const options = { overlap, onWindow: countedTogether(members, overlap, onWindow) };
  const isOnGrid = ({ image }: Member) => isSameGrid(image, grid);
  const held = members
    .filter((member) => !isOnGrid(member))
    .map((member) => interpolated(windowsOf(member, tasks, options), member.image, grid));
  const streamed = members.filter(isOnGrid).map((member) => windowsOf(member, tasks, options));
  const [first, ...others] = [...streamed, ...held];
  if (!first) return;
  for (const { z, heads } of first) {
    const rest = others.map((source) => (source.next().value as Planes<TaskId>).heads);
    yield { z, heads: rest.length === 0 ? heads : averaged([heads, ...rest]) };
  }
}

/** The mean of each head's planes. */
function averaged(planes: readonly Planes<TaskId>['heads'][]): Planes<TaskId>['heads'] {
  const means = new Map<TaskId, Float32Array>();
  for (const [task, values] of planes[0] ?? []) {
    const all = planes.map((heads) => heads.get(task) as Float32Array);
    const mean = new Float32Array(values.length);
    for (let i = 0; i < mean.length; i += 1) {
      let sum = 0;
      for (const one of all) sum += one[i] as number;
      mean[i] = sum / all.length;
    }
    means.set(task, mean);
  }
  return means;
}

/** One network's class probabilities of every plane of its image. */
function windowsOf({ network, image, patch }: Member, tasks: readonly Task[], options: WindowOptions) {
  const [nx, ny, nz] = image.shape;
  return slidingWindow(
    (window) => probabilitiesOf(network, window, tasks),
    { data: image.data, shape: [nz, ny, nx] },
    { ...options, patch: [patch, patch, patch], fill: image.outside },
  );
}

/** Softmax of each head's finest logits, [1, z, y, x, class]. */
function probabilitiesOf(network: Network, window: tf.Tensor5D, tasks: readonly Task[]): Map<TaskId, tf.Tensor5D> {
  const logits = network.forward(
    window,
    tasks.map(({ id }) => id),
  );
  return new Map([...logits].flatMap(([task, [finest]]) => (finest ? [[task, tf.softmax(finest)]] : [])));
}

/** Planes of one grid on another. All of the first grid's are read at once. */
function interpolated(planes: Iterable<Planes<TaskId>>, from: Grid, to: Grid): Generator<Planes<TaskId>, void> {
  const held = new Map<TaskId, readonly Volume<Float32Array>[]>();
  const size = from.shape[0] * from.shape[1];
  for (const { z, heads } of planes) {
    for (const [task, values] of heads) {
      const count = values.length / size;
      const volumes = held.get(task) ?? Array.from({ length: count }, () => emptyVolume(from));
      held.set(task, volumes);
      for (const [label, { data }] of volumes.entries()) {
        for (let i = 0; i < size; i += 1) data[z * size + i] = values[i * count + label] as number;
      }
    }
  }
  return planesOn(to, held);
}

const emptyVolume = ({ shape, affine }: Grid): Volume<Float32Array> => ({
  shape,
  affine,
  data: new Float32Array(voxelsOf(shape)),
});

function* planesOn(
  grid: Grid,
  held: ReadonlyMap<TaskId, readonly Volume<Float32Array>[]>,
): Generator<Planes<TaskId>, void> {
  const plane = new Float32Array(grid.shape[0] * grid.shape[1]);
  const writers = [...held].map(
    ([task, volumes]) =>
      [task, volumes.map((volume, label) => linearPlanes(volume, grid, label === 0 ? 1 : 0))] as const,
  );
  for (let z = 0; z < grid.shape[2]; z += 1) {
    const heads = new Map<TaskId, Float32Array>();
    for (const [task, classes] of writers) {
      const values = new Float32Array(plane.length * classes.length);
      for (const [label, write] of classes.entries()) {
        write(z, plane);
        for (let i = 0; i < plane.length; i += 1) values[i * classes.length + label] = plane[i] as number;
      }
      heads.set(task, values);
    }
    yield { z, heads };
  }
}

const isSameGrid = (a: Grid, b: Grid): boolean =>
  a.shape.every((side, axis) => side === b.shape[axis]) &&
  a.affine.every((row, r) => row.every((value, c) => value === b.affine[r as 0 | 1 | 2][c as 0 | 1 | 2 | 3]));

/** Counts the windows of all networks together. */
function countedTogether(
  members: readonly Member[],
  overlap: number | undefined,
  onWindow: WindowOptions['onWindow'],
): WindowOptions['onWindow'] {
  if (!onWindow) return undefined;
  const total = members
    .map(({ image, patch }) => windowCount(image.shape, [patch, patch, patch], overlap))
    .reduce((sum, count) => sum + count, 0);
  let done = 0;
  return () => onWindow(++done, total);
}
