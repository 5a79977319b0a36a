import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { onInterrupt } from '../interrupt.ts';
import { atLeastOne, port, wholeNumber } from '../options.ts';
import { commandLine } from '../shell-words.ts';
import type { TrainRequest } from './request.ts';

/** `fedcardio train [campaign.json]`: from folders of CTs to report, model and predictions. */
export const trainCommand = (): Command =>
  new Command('train')
    .argument('[campaign.json]', 'stages to run; by default they are chosen from the labels')
    .option('--site <name=dir>', 'a site and the folder of its CTs; once for each site', addSite, [])
    .option('--out <dir>', 'folder for report, model and predictions', 'train-output')
    .option('--federation <file>', 'federation.json with the tasks, and the names of the sites')
    .option('--simulate-sites <number>', 'deal one folder out to this many sites', atLeastOne)
    .option('--held-out <share>', 'share of the labelled CTs that is scored, not trained on', share, 0.2)
    .option('--seed <number>', 'seed of split and training', wholeNumber, 1)
    .option('--quick', 'a smoke run: all stages, little training')
    .option('--tasks <number>', 'GPU tasks at a time', atLeastOne, Math.min(2, availableParallelism()))
    .option('--data <dir>', 'folder of buckets and queues, for copies of the CTs', '.fedcardio/train')
    .option('--resume', 'continue the run in --data, with its sites and options')
    .option('--keep', 'keep the server running at the end, until Ctrl-C')
    .option('--port <number>', 'port of the server; 0 for any free one', port, 0)
    .option('--json', 'print report.json on standard output')
    .addHelpText(
      'after',
      `
A folder holds <case>/image.nii.gz with <case>/labels/<task>.nii.gz or .mrk.json, directly or below
cases/ and held-out/; or a data set of nnU-Net: dataset.json, imagesTr/, labelsTr/. If no case is
held out, a share of the labelled ones is. Instead of an image, a case may have a DICOM series in
<case>/dicom/; a folder without cases is read as an export of a PACS (site import). The same command continues an interrupted run.

Examples:
  npx fedcardio train --site bonn=data/bonn --site jena=data/jena
  npx fedcardio train --site bonn=data/bonn --site jena=data/jena --quick --out smoke
  npx fedcardio train --site all=Dataset042_Aorta --simulate-sites 8
  npx fedcardio train train-output/campaign.json --site bonn=data/bonn --site jena=data/jena --out second
  npx fedcardio train --resume               after Ctrl-C
  npx fedcardio train --resume --keep        starts the finished run's server again`,
    )
    .action(train);

type Site = TrainRequest['sites'][number];

interface TrainFlags {
  readonly site: readonly Site[];
  readonly out: string;
  readonly federation?: string;
  readonly simulateSites?: number;
  readonly heldOut: number;
  readonly seed: number;
  readonly quick?: boolean;
  readonly tasks: number;
  readonly data: string;
  readonly resume?: boolean;
  readonly keep?: boolean;
  readonly port: number;
  readonly json?: boolean;
}

async function train(campaign: string | undefined, flags: TrainFlags, command: Command): Promise<void> {
  if (flags.site.length === 0 && !flags.resume) {
    command.error("error: option '--site <name=dir>' is missing: name each site and its folder, --site bonn=data/bonn");
  }
  const [{ train: run }, { runToResume }] = await Promise.all([import('./train.ts'), import('./train-dir.ts')]);
  const before = flags.resume ? runToResume(flags.data) : undefined;
  const request = before && flags.site.length === 0 ? before.request : requestOf(campaign, flags);
  const out = command.getOptionValueSource('out') === 'default' ? (before?.out ?? flags.out) : flags.out;
  const { signal, release } = onInterrupt();
  try {
    await run(request, {
      out,
      data: flags.data,
      resumeWith: resumeLine({ ...flags, out }),
      keep: flags.keep === true,
      tasks: flags.tasks,
      endpoint: undefined,
      port: flags.port,
      json: flags.json === true,
      resume: flags.resume === true,
      signal,
    });
  } finally {
    release();
  }
}

/** Sites, campaign and options of the request are those of the run. */
const resumeLine = ({ data, out, tasks, port }: TrainFlags): string =>
  commandLine([
    ...['npx', 'fedcardio', 'train', '--resume', '--data', data, '--out', out, '--tasks', String(tasks)],
    ...(port === 0 ? [] : ['--port', String(port)]),
  ]);

const requestOf = (campaign: string | undefined, flags: TrainFlags): TrainRequest => ({
  sites: [...flags.site],
  campaign: campaign ?? null,
  federation: flags.federation ?? null,
  simulateSites: flags.simulateSites ?? null,
  heldOut: flags.heldOut,
  seed: flags.seed,
  quick: flags.quick === true,
});

function addSite(text: string, sites: readonly Site[]): readonly Site[] {
  const [, id = '', dir = ''] = /^([a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?)=(.+)$/.exec(text) ?? [];
  if (id === '') {
    throw new InvalidArgumentError('Expected name=dir, such as bonn=data/bonn; names are of a-z, 0-9 and -.');
  }
  return [...sites, { id, dir }];
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value < 1) return value;
  throw new InvalidArgumentError('Expected a share from 0 to less than 1, such as 0.2.');
}
