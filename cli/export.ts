import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { AXIS_ORDERS, type AxisOrder } from '../lib/federation/schemas/model.ts';
import type { TrainedModel } from '../lib/models/package.ts';
import { VERSION } from '../lib/version.ts';
import { aboutCampaign, type CampaignFlags, contextOf } from './campaign.ts';
import { printJson } from './print-json.ts';

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
    .addOption(
      new Option(
        '--axes <order>',
        'with --format torch: order in which PyTorch feeds the axes of a volume, slowest first',
      )
        .choices(AXIS_ORDERS)
        .default('xyz'),
    )
    .option('--out <file>', 'file to write (default: <campaign>-<stage>.safetensors)')
    .addHelpText(
      'after',
      `
With --format fedcardio, the file is a model package, which fedcardio predict --model reads: its header says under
"fedcardio.package" which network, tasks, voxel size and normalisation it needs, and which training it comes from. With
--format torch, the header lists the task of every output channel under "fedcardio.heads", and the order of the axes
under "fedcardio.axes": xyz, as MONAI's LoadImaged and Orientationd("RAS") make it. For pipelines that feed [z, y, x], such
as nnU-Net's, say --axes zyx.

Examples:
  npx fedcardio export tavi-2026 student --federation heart
  npx fedcardio export tavi-2026 student --format fedcardio --out student.safetensors
  npx fedcardio export tavi-2026 teacher/calcification --out unet.safetensors

In Python, with MONAI 1.5 or later (older versions merge patches differently):
  model = monai.networks.nets.SwinUNETR(in_channels=1, out_channels=..., feature_size=48)
  model.load_state_dict(safetensors.torch.load_file("tavi-2026-student.safetensors"))`,
    )
    .action(exportModel);

interface ExportFlags extends CampaignFlags {
  readonly format: 'torch' | 'fedcardio';
  readonly axes: AxisOrder;
  readonly out?: string;
}

async function exportModel(campaign: string, stage: string, flags: ExportFlags): Promise<void> {
  const { trainedModel } = await import('../gpu-tasks/stage-model.ts');
  const { federationStore } = await contextOf(campaign, flags);
  const trained = await trainedModel(federationStore, campaign, stage);
  const { model, tasks, weights } = trained;
  const file = flags.out ?? `${campaign}-${stage.replace('/', '-')}.safetensors`;
  writeFileSync(file, await (flags.format === 'torch' ? torchFile(trained, flags.axes) : packageFile(trained)));
  const said = { file, tensors: weights.size, model, tasks: tasks.map(({ id }) => id) };
  if (flags.json) printJson('export', said);
  else console.log(`${file}: ${weights.size} tensors of a ${model.kind} for ${said.tasks.join(', ')}.`);
}

async function packageFile(trained: TrainedModel): Promise<Uint8Array> {
  const { encodePackage } = await import('../lib/models/package.ts');
  return encodePackage(trained, VERSION);
}

async function torchFile(trained: TrainedModel, axes: AxisOrder): Promise<Uint8Array> {
  const { asTorch } = await import('../lib/models/interchange/torch.ts');
  const { exportMetadata } = await import('../lib/models/interchange/metadata.ts');
  const { encodeSafetensors } = await import('../lib/weights/safetensors.ts');
  return encodeSafetensors(asTorch(trained, axes), exportMetadata(trained.tasks, axes));
}
