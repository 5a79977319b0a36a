import { Command } from 'commander';
import { FedcardioError } from '../../lib/error.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import { sha256Hex } from '../../lib/json.ts';
import { type CampaignFlags, campaignContext, placed, placeOptions } from '../campaign.ts';
import { printJson } from '../print-json.ts';
import { readInput } from '../read-input.ts';
import { commandLine } from '../shell-words.ts';
import { validationText } from './validate.ts';

/** `fedcardio campaign start <file>`: uploads a valid campaign.json, which starts the campaign. */
export const startCommand = (): Command =>
  placed(new Command('start').argument('<file>', 'campaign.json'))
    .description('Check a campaign.json and upload it, which starts the campaign.')
    .option('--force', 'start although the campaign would fail now, e.g. if a later stage still waits for its labels')
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio campaign start campaign.json --endpoint http://127.0.0.1:4566
  npx fedcardio campaign start campaign.json --federation federation.json --json

An id is used once. To start the same file again changes nothing; another file with the same id is refused. Exits with 1 if
the campaign would fail, and then uploads nothing, unless --force is given.`,
    )
    .action(start);

const FORCE_HINT = ' If what is missing comes before its stage begins, start with --force.';

interface StartFlags extends CampaignFlags {
  readonly force?: boolean;
}

async function start(file: string, flags: StartFlags): Promise<void> {
  const { hasErrors, usedUp, validate } = await import('./validation.ts');
  const context = await campaignContext(flags);
  const { federationStore } = context;
  const body = readInput(file);
  const validation = await validate(body, file, context, false);
  const { campaign, id } = validation;
  const isForced = flags.force === true && id === 'free';
  if (campaign === undefined || (hasErrors(validation) && id !== 'same' && !isForced)) {
    if (flags.json) printJson('campaign-start', { started: false, ...validation });
    else console.log(`${validationText(file, validation)}\n\nNothing was uploaded.${id === 'free' ? FORCE_HINT : ''}`);
    process.exitCode = 1;
    return;
  }
  const key = federationKeys.campaign(campaign);
  if (id === 'free' && (await federationStore.putIfAbsent(key, body)) === 'exists') {
    // Somebody was faster, or this is the caller's own write whose response was lost.
    const stored = await federationStore.get(key);
    if (sha256Hex(stored.body) !== sha256Hex(body)) {
      throw new FedcardioError('PRECONDITION_FAILED', usedUp(campaign).text);
    }
  }
  const started = id === 'free';
  if (flags.json) printJson('campaign-start', { started, ...validation });
  else if (started) console.log(`${validationText(file, validation)}\n\n${startedText(campaign, file, flags)}`);
  else
    console.log(`${campaign} has been started from this file before: nothing changes.\n${followText(campaign, flags)}`);
}

const startedText = (campaign: string, file: string, flags: CampaignFlags): string =>
  `${file} was uploaded. The coordinator plans ${campaign} and opens its first rounds within a minute; later changes of the file
have no effect. ${followText(campaign, flags)}`;

const followText = (campaign: string, flags: CampaignFlags): string =>
  `Follow it: ${commandLine(['npx', 'fedcardio', 'campaign', 'watch', campaign, ...placeOptions(flags)])}`;
