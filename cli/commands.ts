import type { Command } from 'commander';
import { attackCommand } from './attack/command.ts';
import { benchCommand } from './bench.ts';
import { bundleCommand } from './bundle/command.ts';
import { campaignCommand, shortForms } from './campaign/command.ts';
import { completionCommand } from './completion/command.ts';
import { costCommand } from './cost.ts';
import { deadLettersCommand } from './dead-letters/command.ts';
import { demoCommand } from './demo/command.ts';
import { deployInfoCommand } from './deploy-info/command.ts';
import { doctorCommand } from './doctor/command.ts';
import { experimentCommand } from './experiment/command.ts';
import { exportCommand } from './export/command.ts';
import { imageCommand } from './image/command.ts';
import { importCommand } from './import.ts';
import { initCommand } from './init/command.ts';
import { localCommand } from './local.ts';
import { pageCommand } from './page/command.ts';
import { phantomsCommand } from './phantoms/command.ts';
import { predictCommand } from './predict.ts';
import { siteCommand } from './site/command.ts';
import { smokeCommand } from './smoke/command.ts';
import { tasksCommand } from './tasks.ts';
import { trainCommand } from './train/command.ts';
import { upCommand } from './up/command.ts';

/** Every command, in the order of `fedcardio --help` and of the table in README.md. */
export const createCommands = (): readonly Command[] => [
  demoCommand(),
  trainCommand(),
  phantomsCommand(),
  upCommand(),
  pageCommand(),
  initCommand(),
  localCommand(),
  campaignCommand(),
  ...shortForms(),
  deadLettersCommand(),
  predictCommand(),
  exportCommand(),
  importCommand(),
  siteCommand(),
  attackCommand(),
  tasksCommand(),
  costCommand(),
  experimentCommand(),
  doctorCommand(),
  deployInfoCommand(),
  smokeCommand(),
  imageCommand(),
  bundleCommand(),
  benchCommand(),
  completionCommand(),
];
