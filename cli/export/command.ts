import { Command, Option } from 'commander';
import { FedcardioError } from '../../lib/error.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import { AXIS_ORDERS, type AxisOrder } from '../../lib/federation/schemas/model.ts';
import { planSchema } from '../../lib/federation/schemas.ts';
import { aboutCampaign, type CampaignFlags, contextOf } from '../campaign.ts';
import { printJson } from '../print-json.ts';
import { FORMATS, type Format } from './format.ts';

/** `fedcardio export <campaign> <stage>`: writes a trained model for other tools, with its card. */
export const exportCommand = (): Command =>
  aboutCampaign(new Command('export'))
    .argument('<stage>', 'stage of the campaign that trained the model, e.g. student')
    .addOption(new Option('--format <name>', 'see below').choices(FORMATS).default('torch'))
    .addOption(
      new Option(
        '--axes <order>',
        'with --format torch: order in which PyTorch feeds the axes of a volume, slowest first (default: xyz)',
      ).choices(AXIS_ORDERS),
    )
    .option('--head <task>', 'only this head of the model')
    .option('--license <text>', 'licence of the weights, for the model card, e.g. CC-BY-4.0')
    .option('--out <path>', 'file or folder to write (default: named after campaign and stage)')
    .addHelpText(
      'after',
      `
--format:
    torch         one safetensors file with names and layouts of MONAI's SwinUNETR or nnU-Net's PlainConvUNet
    monai-bundle  a folder that python -m monai.bundle run runs
    nnunet        a folder of a trained model of nnU-Net 2 (UNet with one head)
    fedcardio     a model package, which fedcardio predict --model reads

All of them come with a MODEL_CARD.md: input, output, data, scores, privacy, licence, origin. With --format torch, the
header lists the task of every output channel under "fedcardio.heads", and the order of the axes under "fedcardio.axes": xyz,
as MONAI's LoadImaged and Orientationd("RAS") make it. For pipelines that feed [z, y, x], such as nnU-Net's, say --axes zyx.

Examples:
  npx fedcardio export tavi-2026 student --federation heart
  npx fedcardio export tavi-2026 student --format monai-bundle --out bundles/student
  npx fedcardio export tavi-2026 teacher/calcification --format nnunet
  npx fedcardio export tavi-2026 student --format fedcardio --out student.safetensors

In Python, with MONAI 1.5 or later (older versions merge patches differently):
  model = monai.networks.nets.SwinUNETR(in_channels=1, out_channels=..., feature_size=48)
  model.load_state_dict(safetensors.torch.load_file("tavi-2026-student.safetensors"))`,
    )
    .action(exportModel);

interface ExportFlags extends CampaignFlags {
  readonly format: Format;
  readonly axes?: AxisOrder;
  readonly head?: string;
  readonly license?: string;
  readonly out?: string;
}

async function exportModel(campaign: string, stage: string, flags: ExportFlags): Promise<void> {
  if (flags.axes && flags.format !== 'torch') {
    throw new FedcardioError('BAD_CONFIGURATION', `--axes is for --format torch; ${flags.format} has its own.`);
  }
  const [{ trainedModel }, { collectCampaign }, { cardFacts }, { exportedFiles }, { withHead }, write, { readJson }] =
    await Promise.all([
      import('../../gpu-tasks/stage-model.ts'),
      import('../report/collect.ts'),
      import('./card-facts.ts'),
      import('./formats.ts'),
      import('../../lib/models/interchange/channels.ts'),
      import('./write-files.ts'),
      import('../../lib/storage/documents.ts'),
    ]);
  const context = await contextOf(campaign, flags);
  const whole = await trainedModel(context.federationStore, campaign, stage);
  const trained = flags.head === undefined ? whole : withHead(whole, flags.head);
  const record = await collectCampaign({ ...context, campaign });
  const { sha256: plan } = await readJson(context.federationStore, federationKeys.plan(campaign), planSchema);
  const facts = cardFacts(record, trained, plan, flags.license);
  const out = flags.out ?? write.defaultOut(campaign, stage, flags.format);
  const files = write.writeFiles(exportedFiles(trained, facts, { ...flags, out }));
  const { model, tasks, weights } = trained;
  const said = { file: out, files, tensors: weights.size, model, tasks: tasks.map(({ id }) => id) };
  if (flags.json) printJson('export', said);
  else console.log(`${out}: ${weights.size} tensors of a ${model.kind} for ${said.tasks.join(', ')}.`);
}
