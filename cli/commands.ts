import { Command } from 'commander';

const shortFor = (command: string) => `Short for \`fedcardio campaign ${command}\`.`;

const control = async (name: string) =>
  (await import('./control.ts')).controlCommands().find((command) => command.name() === name) as Command;

/** Every command with what it does, in the order of `fedcardio --help` and of the table in README.md. */
const COMMANDS: Readonly<Record<string, readonly [does: string, load: () => Promise<Command>]>> = {
  demo: [
    'Run the demo: eight hospitals train one model on synthetic cardiac CTs, all on this machine.',
    async () => (await import('./demo/command.ts')).demoCommand(),
  ],
  train: [
    'Train on folders of CTs on this machine: a site each, from the CTs to report, model and predictions.',
    async () => (await import('./train/command.ts')).trainCommand(),
  ],
  phantoms: [
    'Write synthetic cardiac CTs with labels as files, for tutorials and tests.',
    async () => (await import('./phantoms/command.ts')).phantomsCommand(),
  ],
  up: [
    'Run a federation on this machine until Ctrl-C: storage, queues, functions and GPU tasks.',
    async () => (await import('./up/command.ts')).upCommand(),
  ],
  page: [
    'Serve a page about a federation, or about one site, on this machine until Ctrl-C.',
    async () => (await import('./page/command.ts')).pageCommand(),
  ],
  init: [
    'Ask about a new federation, and write its federation.json and a first campaign.json.',
    async () => (await import('./init/command.ts')).initCommand(),
  ],
  local: [
    'Run S3 and SQS alone on this machine until Ctrl-C, without functions and GPU tasks (`up` runs all).',
    async () => (await import('./local.ts')).localCommand(),
  ],
  campaign: [
    'Check, start, follow, report and control campaigns.',
    async () => (await import('./campaign/command.ts')).campaignCommand(),
  ],
  status: [shortFor('status'), async () => (await import('./status.ts')).statusCommand()],
  pause: [shortFor('pause'), () => control('pause')],
  resume: [shortFor('resume'), () => control('resume')],
  cancel: [shortFor('cancel'), () => control('cancel')],
  verify: [shortFor('verify'), async () => (await import('./verify.ts')).verifyCommand()],
  'dead-letters': [
    'Messages that failed five times, whose work is not done.',
    async () => (await import('./dead-letters/command.ts')).deadLettersCommand(),
  ],
  predict: [
    'Run a trained model on CTs on this machine. No data leaves the machine.',
    async () => (await import('./predict.ts')).predictCommand(),
  ],
  export: [
    "Write a stage's final model for MONAI, nnU-Net, other PyTorch programs, or fedcardio itself.",
    async () => (await import('./export/command.ts')).exportCommand(),
  ],
  import: [
    "Store another tool's weights as the start of a stage, and print the line to add to the campaign.",
    async () => (await import('./import.ts')).importCommand(),
  ],
  site: [
    "Commands for a hospital's own CTs and bucket.",
    async () => (await import('./site/command.ts')).siteCommand(),
  ],
  attack: [
    "Attack a model and an update of one step with the site's own cases, before it agrees to a campaign.",
    async () => (await import('./attack/command.ts')).attackCommand(),
  ],
  tasks: [
    'Commands for the tasks of a federation: the kinds of labels that its networks learn.',
    async () => (await import('./tasks.ts')).tasksCommand(),
  ],
  cost: [
    'Estimate the cost of a campaign and of an idle month on AWS, compared with a server that is always on.',
    async () => (await import('./cost.ts')).costCommand(),
  ],
  experiment: [
    'Compare UNet and Swin UNETR, at one site, federated and distilled, as in Tölle et al. (2025).',
    async () => (await import('./experiment/command.ts')).experimentCommand(),
  ],
  doctor: [
    'Check this machine and what answers at an endpoint, or with --aws the accounts of a deployment: each problem is shown with its cure.',
    async () => (await import('./doctor/command.ts')).doctorCommand(),
  ],
  'deploy-info': [
    'Show what was deployed: buckets, queues, roles, topics, repository, dashboard.',
    async () => (await import('./deploy-info/command.ts')).deployInfoCommand(),
  ],
  smoke: [
    'Test a deployment: a synthetic case and one small round for every site, cleaned up afterwards.',
    async () => (await import('./smoke/command.ts')).smokeCommand(),
  ],
  image: [
    'Build and push the container image of the GPU tasks.',
    async () => (await import('./image/command.ts')).imageCommand(),
  ],
  bundle: [
    'Write what a hospital needs to deploy its own site: a federation.json of this site alone, and a README.',
    async () => (await import('./bundle/command.ts')).bundleCommand(),
  ],
  bench: ['Run a benchmark; without a name, list them.', async () => (await import('./bench.ts')).benchCommand()],
  completion: [
    'Print a script that completes commands and options in your shell.',
    async () => (await import('./completion/command.ts')).completionCommand(),
  ],
};

/**
 * All commands. The code of those that nobody asks for is not loaded: they have a name and say what they do.
 *
 * @param isAsked whether a command is asked for; all are, if this is left out
 */
export const createCommands = (isAsked: (name: string) => boolean = () => true): Promise<readonly Command[]> =>
  Promise.all(
    Object.entries(COMMANDS).map(async ([name, [does, load]]) =>
      (isAsked(name) ? await load() : new Command(name)).description(does),
    ),
  );
