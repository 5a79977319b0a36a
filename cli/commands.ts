import type { Command } from 'commander';
import { benchCommand } from './bench.ts';
import { controlCommands } from './control.ts';
import { costCommand } from './cost.ts';
import { demoCommand } from './demo/command.ts';
import { experimentCommand } from './experiment/command.ts';
import { exportCommand } from './export.ts';
import { importCommand } from './import.ts';
import { localCommand } from './local.ts';
import { phantomsCommand } from './phantoms/command.ts';
import { predictCommand } from './predict.ts';
import { siteCommand } from './site.ts';
import { statusCommand } from './status.ts';
import { tasksCommand } from './tasks.ts';
import { trainCommand } from './train/command.ts';
import { upCommand } from './up/command.ts';
import { verifyCommand } from './verify.ts';

/** Every command, in the order of `fedcardio --help` and of the table in README.md. */
export const createCommands = (): readonly Command[] => [
  demoCommand(),
  trainCommand(),
  phantomsCommand(),
  upCommand(),
  localCommand(),
  statusCommand(),
  ...controlCommands(),
  verifyCommand(),
  predictCommand(),
  exportCommand(),
  importCommand(),
  siteCommand(),
  tasksCommand(),
  costCommand(),
  experimentCommand(),
  benchCommand(),
];
