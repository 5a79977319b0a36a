import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import type { Tensors } from '../lib/weights/weights.ts';
import { aboutCampaign, type CampaignFlags, campaignContext } from './campaign.ts';

/** `fedcardio export <campaign> <stage>`: writes a trained model to a file for other tools. */
export const exportCommand = (): Command =>
  aboutCampaign(new Command('export'))
    .argument('<stage>', 'stage of the campaign that trained the model, e.g. student')
    .description(
      "Write a stage's final model as safetensors, for MONAI or nnU-Net in PyTorch, or in fedcardio's own layout.",
    )
    .addOption(
      new Option('--format <name>', 'torch: names and layouts of MONAI (Swin UNETR) or nnU-Net (UNet)')
        .choices(['torch', 'fedcardio'])
        .default('torch'),
    )
    .option('--out <file>', 'file to write (default: <campaign>-<stage>.safetensors)')
    .addHelpText(
      'after',
      `
The file's header lists the task of every output channel under "fedcardio.heads".

Examples:
  fedcardio export tavi-2026 student --federation heart
  fedcardio export tavi-2026 teacher/calcification --out unet.safetensors

In Python, with MONAI 1.5 or later (older versions merge patches differently):
  model = monai.networks.nets.SwinUNETR(in_channels=1, out_channels=..., feature_size=48)
  model.load_state_dict(safetensors.torch.load_file("tavi-2026-student.safetensors"))`,
    )
    .action(exportModel);

interface ExportFlags extends CampaignFlags {
  readonly format: 'torch' | 'fedcardio';
  readonly out?: string;
}

async function exportModel(campaign: string, stage: string, flags: ExportFlags): Promise<void> {
  const { trainedModel } = await import('../gpu-tasks/stage-model.ts');
  const { asTorch } = await import('../lib/models/interchange/torch.ts');
  const { headsMetadata } = await import('../lib/models/interchange/metadata.ts');
  const { encodeSafetensors } = await import('../lib/weights/safetensors.ts');
  const { federationStore } = await campaignContext(flags);
  const { model, weights, tasks } = await trainedModel(federationStore, campaign, stage);
  const tensors: Tensors = flags.format === 'torch' ? asTorch(model, weights, tasks) : weights;
  const file = flags.out ?? `${campaign}-${stage.replace('/', '-')}.safetensors`;
  writeFileSync(file, encodeSafetensors(tensors, flags.format === 'torch' ? headsMetadata(tasks) : {}));
  const said = { file, tensors: tensors.size, model, tasks: tasks.map(({ id }) => id) };
  console.log(
    flags.json
      ? JSON.stringify(said, null, 2)
      : `${file}: ${tensors.size} tensors of a ${model.kind} for ${said.tasks.join(', ')}.`,
  );
}
