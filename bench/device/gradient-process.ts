import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createNetwork } from '../../lib/models/network.ts';
import { loadBackend } from '../../lib/nn/backend.ts';
import { tf } from '../../lib/nn/tf.ts';
import { seededRandom } from '../../lib/random.ts';
import { imageOf, networkLoss } from '../../lib/training/multi-head-loss.ts';
import { cutPatch } from '../../lib/training/patches.ts';
import { FIELD_OF_VIEW_MM, networkNamed, preparedPhantom, SEED } from '../networks/networks.ts';
import { trainingOf } from '../networks/steps.ts';

/** One forward and backward pass of a network with its first weights, on a patch of the phantom. */
export interface GradientJob {
  readonly network: string;
  /** Side in voxels. */
  readonly patch: number;
  /** Files to write, little-endian float32: the finest logits, and all gradients in the order of their names. */
  readonly logits: string;
  readonly gradients: string;
}

export interface GradientResult {
  readonly description: string;
  readonly device: 'cpu' | 'gpu';
  readonly loss: number;
  /** Of the logits and the gradients. */
  readonly sha256: string;
}

const job = JSON.parse(process.argv[2] ?? '') as GradientJob;
const { description, device } = await loadBackend('native');
const { model, tasks } = networkNamed(job.network);
const training = trainingOf(job.patch, 1);
const spacing = FIELD_OF_VIEW_MM / job.patch;
const options = { side: job.patch, spacing, augment: false };
const patch = cutPatch(preparedPhantom(spacing), tasks, options, seededRandom('device', SEED));
const network = createNetwork(model, tasks, SEED);
const hash = createHash('sha256');
let loss = Number.NaN;
tf.tidy(() => {
  const [finest] = [...network.forward(imageOf([patch], job.patch)).values()].map((scales) => scales[0]);
  write(job.logits, finest === undefined ? [] : [finest]);
  const { value, grads } = tf.variableGrads(
    () => networkLoss(network, [patch], job.patch, training),
    [...network.variables.values()],
  );
  loss = value.dataSync()[0] as number;
  const ordered = [...network.variables].toSorted(([a], [b]) => (a < b ? -1 : 1));
  write(
    job.gradients,
    ordered.map(([, { name }]) => grads[name] as tf.Tensor),
  );
});
console.log(JSON.stringify({ description, device, loss, sha256: hash.digest('hex') } satisfies GradientResult));

function write(file: string, tensors: readonly tf.Tensor[]): void {
  const bytes = tensors.map((tensor) => new Uint8Array((tensor.dataSync() as Float32Array).slice().buffer));
  for (const part of bytes) hash.update(part);
  writeFileSync(file, Buffer.concat(bytes));
}
