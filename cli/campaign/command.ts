import { Command } from 'commander';
import { controlCommands } from '../control.ts';
import { statusCommand } from '../status.ts';
import { verifyCommand } from '../verify.ts';
import { listCommand } from './list.ts';
import { reportCommand } from './report.ts';
import { startCommand } from './start.ts';
import { validateCommand } from './validate.ts';
import { watchCommand } from './watch.ts';

/** `fedcardio campaign <command>`: a campaign from its file to its report. */
export const campaignCommand = (): Command =>
  [
    validateCommand(),
    startCommand(),
    listCommand(),
    watchCommand(),
    statusCommand(),
    reportCommand(),
    ...controlCommands(),
    verifyCommand(),
  ].reduce(
    (group, command) => group.addCommand(command),
    new Command('campaign').addHelpText(
      'after',
      `
Examples:
  npx fedcardio campaign validate campaign.json --endpoint http://127.0.0.1:4566
  npx fedcardio campaign start campaign.json --endpoint http://127.0.0.1:4566
  npx fedcardio campaign watch tavi-2026 --endpoint http://127.0.0.1:4566`,
    ),
  );
