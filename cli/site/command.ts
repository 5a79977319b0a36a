import { Command } from 'commander';
import { checkCommand } from './check.ts';
import { consentCommand } from './consent.ts';
import { importCommand } from './import.ts';
import { inviteCommand } from './invite/command.ts';
import { lineageCommand } from './lineage.ts';
import { listCommand } from './list.ts';
import { policyCommand } from './policy.ts';
import { privacyCommand } from './privacy.ts';
import { rescanCommand } from './rescan.ts';
import { runCommand } from './run/command.ts';
import { siteStatusCommand } from './status.ts';
import { uploadCommand } from './upload.ts';
import { withdrawCommand } from './withdraw.ts';

/** `fedcardio site <command>`: what a hospital does with its own CTs and bucket. */
export const siteCommand = (): Command =>
  [
    importCommand(),
    checkCommand(),
    uploadCommand(),
    inviteCommand(),
    listCommand(),
    siteStatusCommand(),
    privacyCommand(),
    rescanCommand(),
    lineageCommand(),
    withdrawCommand(),
    consentCommand(),
    policyCommand(),
    runCommand(),
  ].reduce(
    (group, command) => group.addCommand(command),
    new Command('site').addHelpText(
      'after',
      `
Examples:
  npx fedcardio site check CASES
  npx fedcardio site rescan berlin --endpoint http://127.0.0.1:4566
  npx fedcardio site run kiel --inbox /srv/inbox`,
    ),
  );
