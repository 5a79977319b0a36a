/** Process that times a training step: prints a {@link BackendProbe} as its last line. */
import { TASKS } from '../../lib/federation/tasks.ts';
import { createNetwork } from '../../lib/models/network.ts';
import { loadBackend } from '../../lib/nn/backend.ts';
import { tf } from '../../lib/nn/tf.ts';
import { GRID, UNET } from '../demo/demo-campaign.ts';

const { name, device, description } = await loadBackend();
const network = createNetwork(UNET, [TASKS['hinge-points']], 1);
const { patch } = GRID;
const image = tf.randomNormal([1, patch, patch, patch, 1], 0, 1, 'float32', 1) as tf.Tensor5D;

/** Forward and backward through the network, ms. */
function step(): number {
  const started = performance.now();
  tf.tidy(() => {
    const { value, grads } = tf.variableGrads(
      () => tf.mean(tf.square([...network.forward(image).values()][0]?.[0] as tf.Tensor)) as tf.Scalar,
      [...network.variables.values()],
    );
    value.dataSync();
    for (const gradient of Object.values(grads)) gradient.dataSync();
  });
  return performance.now() - started;
}

// The first step compiles and allocates.
step();
console.log(JSON.stringify({ name, device, description, milliseconds: step() }));
process.exit(0);
