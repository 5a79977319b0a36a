import { Command } from 'commander';
import { atLeastOne, wholeNumber } from '../options.ts';

/** Scanners of the phantom generator. They differ in resolution, orientation, contrast and noise. */
const SCANNERS = 8;

/** `fedcardio phantoms <dir>`: synthetic CTs with labels, as files. */
export const phantomsCommand = (): Command =>
  new Command('phantoms')
    .argument('<dir>', 'folder to write to')
    .option('--cases <number>', 'CTs to train on', atLeastOne, 6)
    .option('--held-out <number>', 'CTs that are only scored', wholeNumber, 2)
    .option('--labelled <number>', 'CTs to train on that have labels (default: all)', wholeNumber)
    .option('--seed <number>', 'seed of the patients', wholeNumber, 1)
    .option('--scanner <number>', `scanner, 0 to ${SCANNERS - 1}`, wholeNumber, 0)
    .option('--json', 'print the written files as JSON')
    .addHelpText(
      'after',
      `
Each case is a folder with image.nii.gz and labels/<task>.nii.gz or .mrk.json, below cases/ or
held-out/: the layout of a site's bucket, which \`fedcardio train\` reads too.

Examples:
  npx fedcardio phantoms data/bonn --cases 6 --seed 1
  npx fedcardio phantoms data/jena --cases 4 --labelled 1 --seed 2 --scanner 3`,
    )
    .action(phantoms);

interface PhantomsFlags {
  readonly cases: number;
  readonly heldOut: number;
  readonly labelled?: number;
  readonly seed: number;
  readonly scanner: number;
  readonly json?: boolean;
}

async function phantoms(dir: string, flags: PhantomsFlags): Promise<void> {
  const [{ writePhantoms }, { createDisplay }] = await Promise.all([
    import('./write-phantoms.ts'),
    import('../run/display.ts'),
  ]);
  const display = createDisplay(process.stderr);
  const files = writePhantoms(dir, { ...flags, scanner: flags.scanner % SCANNERS }, display.say);
  if (flags.json) console.log(JSON.stringify({ schema: 'fedcardio.phantoms/1', dir, files }, null, 2));
  else console.log(`${files.length} files of ${flags.cases + flags.heldOut} cases in ${dir}.`);
}
