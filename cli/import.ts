import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { FedcardioError } from '../lib/error.ts';
import { isTaskId, type TaskId } from '../lib/federation/tasks.ts';
import { type CampaignFlags, campaignContext, placed } from './campaign.ts';

/** `fedcardio import <campaign.json> <stage> <weights>`: stores another tool's weights as the start of a stage. */
export const importCommand = (): Command =>
  placed(
    new Command('import')
      .argument('<campaign.json>', 'campaign that starts from the weights')
      .argument('<stage>', 'its stage')
      .argument('<weights.safetensors>', "state_dict of MONAI's SwinUNETR or nnU-Net's PlainConvUNet"),
  )
    .description("Store another tool's weights as the start of a stage, and print the line to add to the campaign.")
    .option(
      '--heads <tasks>',
      "tasks of the output channels, in order (default: those in the file's header, or only the body)",
      taskList,
    )
    .addHelpText(
      'after',
      `
The header of a file that fedcardio exported lists the tasks of its output channels.

Examples:
  fedcardio import campaign.json student pretrained.safetensors --federation heart
  fedcardio import campaign.json student swin.safetensors --heads hinge-points,calcification

In Python, from a checkpoint:
  safetensors.torch.save_file(torch.load("swin.pt", weights_only=True)["state_dict"], "swin.safetensors")`,
    )
    .action(importWeights);

interface ImportFlags extends CampaignFlags {
  readonly heads?: readonly TaskId[];
}

async function importWeights(file: string, stageName: string, weightsFile: string, flags: ImportFlags): Promise<void> {
  const [{ fromTorch }, { encodeSafetensors }, { parseJson, sha256Hex }, keys, schemas] = await Promise.all([
    import('../lib/models/interchange/torch.ts'),
    import('../lib/weights/safetensors.ts'),
    import('../lib/json.ts'),
    import('../lib/federation/keys.ts'),
    import('../lib/federation/schemas.ts'),
  ]);
  const campaign = parseJson(readFileSync(file), schemas.campaignSchema, file);
  const stage = campaign.stages.find(({ name }) => name === stageName);
  if (!stage || !('model' in stage)) {
    throw new FedcardioError('BAD_CONFIGURATION', `${file} has no stage "${stageName}" that trains a network.`, {
      hint: `Its stages: ${campaign.stages.map(({ name }) => name).join(', ')}.`,
    });
  }
  const bytes = readFileSync(weightsFile);
  const weights = fromTorch(stage.model, bytes, flags.heads);
  const body = encodeSafetensors(weights);
  const sha256 = sha256Hex(body);
  const { federationStore } = await campaignContext(flags);
  const key = keys.federationKeys.init(campaign.id, sha256);
  await federationStore.put(key, body);
  if (flags.json) console.log(JSON.stringify({ key, init: sha256, tensors: weights.size }, null, 2));
  else
    console.log(
      `Stored as ${key}. Add to stage "${stageName}" of ${file}, before it is uploaded:\n  "init": "${sha256}"`,
    );
}

function taskList(text: string): readonly TaskId[] {
  const tasks = text.split(',');
  const unknown = tasks.find((task) => !isTaskId(task));
  if (unknown !== undefined) throw new InvalidArgumentError(`There is no task "${unknown}".`);
  return tasks as TaskId[];
}
