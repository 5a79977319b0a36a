import { basename } from 'node:path';
import { Command, Option } from 'commander';
import { FedcardioError, isFedcardioError } from '../lib/error.ts';
import { AXIS_ORDERS, type AxisOrder } from '../lib/federation/schemas/model.ts';
import { type TaskId, tasksNamed } from '../lib/federation/tasks.ts';
import { PATCH_MERGINGS, type PatchMerging } from '../lib/models/interchange/patch-merging.ts';
import { printable } from '../lib/printable.ts';
import { type CampaignFlags, campaignContext, placed } from './campaign.ts';
import { printJson } from './print-json.ts';
import { readInput } from './read-input.ts';

/** `fedcardio import <campaign.json> <stage> <weights>`: stores another tool's weights as the start of a stage. */
export const importCommand = (): Command =>
  placed(
    new Command('import')
      .argument('<campaign.json>', 'campaign that starts from the weights')
      .argument('<stage>', 'its stage')
      .argument('<weights.safetensors>', "state_dict of MONAI's SwinUNETR or nnU-Net's PlainConvUNet"),
  )
    .option(
      '--heads <tasks>',
      "tasks of the output channels, in order (default: those in the file's header, or only the body)",
      taskList,
    )
    .addOption(
      new Option(
        '--axes <order>',
        "order in which the network got the axes of a volume, the slowest first (default: that in the file's header, otherwise xyz for MONAI, zyx for nnU-Net)",
      ).choices(AXIS_ORDERS),
    )
    .addOption(
      new Option(
        '--patch-merging <which>',
        'how the Swin UNETR was made, which its weights do not show; not needed for a file that fedcardio exported',
      ).choices(PATCH_MERGINGS),
    )
    .addOption(
      new Option(
        '--normalize <which>',
        'whether the Swin UNETR was made with normalize=True, which its weights do not show (default: assumed)',
      ).choices(['true', 'false']),
    )
    .addHelpText(
      'after',
      `
A Swin transformer alone, as self-supervised training saves it, is taken over too: the decoder starts from the campaign's
seed. The header of a file that fedcardio exported lists the tasks of its output channels. Prefixes such as "module." are taken
off, and float64 and half floats become float32. Any other format, such as .pt or .ckpt, is named with the line of Python
that converts it.

MONAI's transforms feed a network the axes of a volume as [x, y, z], nnU-Net as [z, y, x]; weights are converted to the order
of the stage's network. If that is not possible, the error says which "axes" the stage's "model" needs.

--patch-merging:
  monai-1.5       downsample="merging", the default, of MONAI 1.5 or later
  mergingv2       downsample="mergingv2" of MONAI 1.0 or later; converted
  mergingv2-0.9   the same of MONAI 0.9.1; converted
  monai-1.4       downsample="merging" of MONAI 0.9 to 1.4: another network, which the stage's "model" asks for with
                  "merging": "monai-1.4" and "axes": "xyz"

--normalize false is refused for the same reason.

Examples:
  npx fedcardio import campaign.json student pretrained.safetensors --federation heart
  npx fedcardio import campaign.json student swin.safetensors --patch-merging monai-1.5 --heads hinge-points,calcification`,
    )
    .action(importWeights);

interface ImportFlags extends CampaignFlags {
  readonly heads?: readonly TaskId[];
  readonly axes?: AxisOrder;
  readonly patchMerging?: PatchMerging;
  readonly normalize?: 'true' | 'false';
}

async function importWeights(file: string, stageName: string, weightsFile: string, flags: ImportFlags): Promise<void> {
  const [{ fromTorch }, { rejectForeignWeights }, { encodeSafetensors }, json, { readTasks }, keys, schemas] =
    await Promise.all([
      import('../lib/models/interchange/torch.ts'),
      import('../lib/weights/foreign-formats.ts'),
      import('../lib/weights/safetensors.ts'),
      import('../lib/json.ts'),
      import('../lib/storage/federation-tasks.ts'),
      import('../lib/federation/keys.ts'),
      import('../lib/federation/schemas.ts'),
    ]);
  const campaign = json.parseJson(readInput(file), schemas.campaignSchema, file);
  const stage = campaign.stages.find(({ name }) => name === stageName);
  if (!stage || !('model' in stage)) {
    throw new FedcardioError('BAD_CONFIGURATION', `${file} has no stage "${stageName}" that trains a network.`, {
      hint: `Its stages: ${campaign.stages.map(({ name }) => name).join(', ')}.`,
    });
  }
  const bytes = readInput(weightsFile);
  rejectForeignWeights(bytes, basename(weightsFile));
  const context = await campaignContext(flags);
  const heads = flags.heads && tasksNamed(await readTasks(context), flags.heads);
  const { axes, patchMerging, normalize } = flags;
  const options = { heads, axes, seed: campaign.seed, patchMerging, normalize: normalize && normalize === 'true' };
  const target = { model: stage.model, patch: stage.training.patch };
  const { weights, notes } = withName(weightsFile, () => fromTorch(target, bytes, options));
  const body = encodeSafetensors(weights);
  const sha256 = json.sha256Hex(body);
  const { federationStore } = context;
  const key = keys.federationKeys.init(campaign.id, sha256);
  await federationStore.put(key, body);
  if (flags.json) {
    printJson('import', { key, init: sha256, tensors: weights.size, notes });
    return;
  }
  for (const note of notes) console.log(printable(note));
  console.log(
    `Stored as ${key}. Add to stage "${stageName}" of ${file}, before it is uploaded:\n  "init": "${sha256}"`,
  );
}

/** What `read` returns. Its errors about weights name the file. */
function withName<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!isFedcardioError(cause, 'BAD_WEIGHTS')) throw cause;
    throw new FedcardioError('BAD_WEIGHTS', `${file}: ${cause.message}`, { cause, hint: cause.hint });
  }
}

const taskList = (text: string): readonly TaskId[] => text.split(',').map((id) => id.trim());
