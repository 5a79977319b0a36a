import { classTitle } from '../../federation/tasks.ts';
import { PURPOSE, type TrainedModel } from '../package.ts';
import { headChannels } from './channels.ts';

/** The text of a bundle for its users: how to run it, what comes out, and where it differs from `fedcardio predict`. */
export function bundleReadme({ model, tasks, spacing, patch, heartCrop, origin }: TrainedModel): string {
  const unet = model.kind === 'unet' ? ' dynamic-network-architectures==0.4.4' : '';
  const heads = headChannels(tasks).map(
    ({ task, first, end }) =>
      `| ${first} to ${end - 1} | \`${task.id}\` | ${task.kind} | 0 background, ${task.classes.map((_, i) => `${i + 1} ${classTitle(task, i + 1)}`).join(', ')} |`,
  );
  const points = tasks.filter(({ kind }) => kind === 'landmarks').map(({ id }) => `\`${id}\``);
  return `# ${origin.campaign}, ${origin.stage}

A MONAI bundle, ${PURPOSE}. What it was trained on and how well it scored is in [MODEL_CARD.md](../MODEL_CARD.md).

    pip install "monai[fire,ignite,nibabel,einops]==1.6.1" safetensors${unet}
    python -m monai.bundle run --config_file configs/inference.json --dataset_dir <folder of .nii.gz>

Run it in the bundle's folder. For each CT and each head it writes a label map on the CT's own grid into \`predictions/\`:
\`<name>_<head>.nii.gz\`.

| channels of the network | head | kind | labels |
| --- | --- | --- | --- |
${heads.join('\n')}

Every head has a softmax of its own: take the largest of its channels, not of all.
${
  points.length > 0
    ? `
${points.join(', ')}: a label is a sphere around a point. The point is the centroid of the label's largest connected component,
from voxels to mm with the image's affine. A label that is absent is a point that was not found.
`
    : ''
}
The network gets [x, y, z] of RAS, voxels of ${spacing} mm, HU as in \`configs/inference.json\`, and windows of ${patch}³ voxels.
${
  model.kind === 'swin-unetr'
    ? `On windows of another size, its smallest attention windows have other position biases than in training. Load the weights with
\`strict=True\` and keep the \`relative_position_index\` that they bring.
`
    : ''
}
\`fedcardio predict\` differs in these points:

- ${heartCrop === null ? 'It predicts the whole CT, as this bundle does.' : `It predicts a cube of ${heartCrop} mm around the heart if it finds one; this bundle predicts the whole CT, so that what lies far from the heart may be labelled too.`}
- It averages over voxels where they become 1.5 times larger or more; \`Spacingd\` interpolates between them.
- It averages probabilities of overlapping windows, with weights without a lower bound; MONAI averages logits, with weights of
  at least 0.001.
- It takes points from the network's grid; label maps of this bundle are resampled to the CT's grid first.
`;
}
