import { Command } from 'commander';
import { FedcardioError } from '../../lib/error.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import { sha256Hex } from '../../lib/json.ts';
import { counted } from '../../lib/report/format.ts';
import { type CampaignFlags, campaignContext, contextOf, placed, placeOptions } from '../campaign.ts';
import { printJson } from '../print-json.ts';
import { readInput } from '../read-input.ts';
import { commandLine } from '../shell-words.ts';
import { validationText } from './validate.ts';

/** `fedcardio campaign start <file>`: uploads a valid campaign.json, which starts the campaign. */
export const startCommand = (): Command =>
  placed(new Command('start').argument('[file]', 'campaign.json'))
    .description('Check a campaign.json and upload it, which starts the campaign.')
    .option(
      '--without-withdrawn <campaign>',
      'run an earlier campaign again, without the cases that were withdrawn since',
    )
    .option('--id <id>', 'with --without-withdrawn: id of the new campaign (default: the earlier one with -again)')
    .option('--force', 'start although the campaign would fail now, e.g. if a later stage still waits for its labels')
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio campaign start campaign.json --endpoint http://127.0.0.1:4566
  npx fedcardio campaign start campaign.json --federation federation.json --json
  npx fedcardio campaign start --without-withdrawn tavi-2026 --id tavi-2026-b --federation heart

With --without-withdrawn, the campaign.json is that of the earlier campaign, and every site trains from the start on the cases
that it holds now. Imported weights that a stage started from are used again: make sure that they learnt from no such case.

An id is used once. To start the same file again changes nothing; another file with the same id is refused. Exits with 1 if
the campaign would fail, and then uploads nothing, unless --force is given.`,
    )
    .action(start);

const FORCE_HINT = ' If what is missing comes before its stage begins, start with --force.';

interface StartFlags extends CampaignFlags {
  readonly force?: boolean;
  readonly withoutWithdrawn?: string;
  readonly id?: string;
}

async function start(given: string | undefined, flags: StartFlags): Promise<void> {
  const { hasErrors, usedUp, validate } = await import('./validation.ts');
  const { withoutWithdrawn: earlier } = flags;
  if ((given === undefined) === (earlier === undefined) || (flags.id !== undefined && earlier === undefined)) {
    throw new FedcardioError('BAD_CONFIGURATION', 'Give a campaign.json, or --without-withdrawn and maybe --id.');
  }
  const context = earlier === undefined ? await campaignContext(flags) : await contextOf(earlier, flags);
  const { federationStore } = context;
  const { copyInit, repetitionOf } = await import('./without-withdrawn.ts');
  const repetition = earlier === undefined ? undefined : await repetitionOf(context, earlier, flags.id);
  const file = given ?? `campaigns/${earlier}/campaign.json`;
  const body = repetition?.body ?? readInput(file);
  const validation = await validate(body, file, context, false);
  const { campaign, id } = validation;
  const isForced = flags.force === true && id === 'free';
  if (campaign === undefined || (hasErrors(validation) && id !== 'same' && !isForced)) {
    if (flags.json) printJson('campaign-start', { started: false, ...validation });
    else console.log(`${validationText(file, validation)}\n\nNothing was uploaded.${id === 'free' ? FORCE_HINT : ''}`);
    process.exitCode = 1;
    return;
  }
  if (repetition && earlier !== undefined && id === 'free') await copyInit(context, earlier, repetition);
  const key = federationKeys.campaign(campaign);
  if (id === 'free' && (await federationStore.putIfAbsent(key, body)) === 'exists') {
    // Somebody was faster, or this is the caller's own write whose response was lost.
    const stored = await federationStore.get(key);
    if (sha256Hex(stored.body) !== sha256Hex(body)) {
      throw new FedcardioError('PRECONDITION_FAILED', usedUp(campaign).text);
    }
  }
  const started = id === 'free';
  const withdrawn = repetition && { withdrawn: repetition.withdrawn };
  if (flags.json) printJson('campaign-start', { started, ...validation, ...withdrawn });
  else if (started && repetition)
    console.log(`${validationText(file, validation)}\n\n${againText(campaign, repetition.withdrawn, flags)}`);
  else if (started) console.log(`${validationText(file, validation)}\n\n${startedText(campaign, file, flags)}`);
  else
    console.log(`${campaign} has been started from this file before: nothing changes.\n${followText(campaign, flags)}`);
}

const startedText = (campaign: string, file: string, flags: CampaignFlags): string =>
  `${file} was uploaded. The coordinator plans ${campaign} and opens its first rounds within a minute; later changes of the file
have no effect. ${followText(campaign, flags)}`;

const againText = (campaign: string, withdrawn: number, flags: CampaignFlags): string =>
  `${campaign} was started: the same campaign, without ${withdrawn === 0 ? 'any case that was withdrawn since; none was' : counted(withdrawn, 'case')}${withdrawn === 0 ? '' : ' withdrawn since'}. ${followText(campaign, flags)}`;

const followText = (campaign: string, flags: CampaignFlags): string =>
  `Follow it: ${commandLine(['npx', 'fedcardio', 'campaign', 'watch', campaign, ...placeOptions(flags)])}`;
