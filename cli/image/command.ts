import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { readFederation } from '../../cdk/read-federation.ts';
import type { ImageName } from '../../lib/aws/account/registry.ts';
import { FedcardioError } from '../../lib/error.ts';
import { ROOT } from '../../lib/program.ts';
import { VERSION } from '../../lib/version.ts';
import { siteOf } from '../deploy-info/command.ts';
import { url } from '../options.ts';
import { printJson } from '../print-json.ts';
import { ENGINES, type Engine } from './engine.ts';

interface PushFlags {
  readonly federation: string;
  readonly site?: string;
  readonly tag: string;
  readonly variant: 'cuda' | 'cpu';
  readonly engine?: Engine;
  readonly profile?: string;
  readonly endpoint?: string;
  readonly write?: boolean;
  readonly json?: boolean;
}

/** `fedcardio image <command>`: the container image of the GPU tasks. */
export const imageCommand = (): Command =>
  new Command('image')
    .addCommand(pushCommand())
    .addHelpText('after', '\nExamples:\n  npx fedcardio image push --federation federation.json --write');

const pushCommand = (): Command =>
  new Command('push')
    .description('Build the image, push it to the repository of the federation in ECR, and print it with its digest.')
    .option('--federation <file>', 'federation.json', 'federation.json')
    .option('--site <id>', 'push to the repository that federation.json names for this site')
    .option('--tag <tag>', 'tag of the image', VERSION)
    .addOption(new Option('--variant <name>', 'hosts with a GPU, or without').choices(['cuda', 'cpu']).default('cuda'))
    .addOption(new Option('--engine <name>', 'container engine (default: the first that works)').choices(ENGINES))
    .option('--profile <name>', 'profile of ~/.aws/config')
    .option('--endpoint <url>', 'endpoint of ECR (default: AWS)', url)
    .option('--write', 'write the image with its digest into federation.json')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
The first deployment makes the repository. Tags cannot be replaced: if the tag is in ECR already, nothing is built, and its
digest is shown. With --write, the next deployment uses exactly this image.

Examples:
  npx fedcardio image push --write
  npx fedcardio image push --tag 0.1.0-2 --engine podman --write
  npx fedcardio image push --site lyon --profile lyon`,
    )
    .action(push);

async function push(flags: PushFlags): Promise<void> {
  const [{ callerOf }, { findImage }, { pinned, targetOf, withImage }] = await Promise.all([
    import('../../lib/aws/account/caller.ts'),
    import('../../lib/aws/account/registry.ts'),
    import('./target.ts'),
  ]);
  const federation = readFederation(flags.federation);
  const site = flags.site === undefined ? undefined : siteOf(federation, flags.site);
  const options = { endpoint: flags.endpoint, profile: flags.profile };
  const target = targetOf(federation, site, await callerOf(options), flags.tag);
  const before = await findImage(options, target);
  if (before)
    console.error(
      `Nothing was built: tag ${flags.tag} is in ECR already, and cannot be replaced. Another build needs another --tag.`,
    );
  else await buildAndPush(target, flags);
  const stored = before ?? (await findImage(options, target));
  if (!stored) {
    throw new FedcardioError('STORAGE', `ECR does not show ${nameOf(target)} after the push.`, {
      hint: 'Push it again.',
    });
  }
  const image = pinned(target, stored.digest);
  if (flags.write) writeFileSync(flags.federation, withImage(readFileSync(flags.federation, 'utf8'), site?.id, image));
  if (flags.json) printJson('image-push', { image, tag: flags.tag, pushed: !before, written: flags.write ?? false });
  else console.log(`${image}\n${nextText(flags)}`);
}

const nextText = ({ write, federation }: PushFlags): string =>
  write
    ? `Written to ${federation}. Deploy it: npx cdk deploy '**'`
    : `To use exactly this image, run it again with --write, or set image in ${federation}. Then deploy.`;

const nameOf = ({ registry, repository, tag }: ImageName): string => `${registry}/${repository}:${tag}`;

async function buildAndPush(
  target: ImageName,
  { engine: asked, variant, endpoint, profile }: PushFlags,
): Promise<void> {
  const [{ findEngine, runEngine }, { registryLogin }] = await Promise.all([
    import('./engine.ts'),
    import('../../lib/aws/account/registry.ts'),
  ]);
  const dockerfile = join(ROOT, 'gpu-tasks', 'Dockerfile');
  if (!existsSync(dockerfile)) {
    throw new FedcardioError('BAD_CONFIGURATION', `${dockerfile} is missing: the package does not contain it.`, {
      hint: 'Run the command in a clone of the repository.',
    });
  }
  const engine = await findEngine(asked);
  const name = nameOf(target);
  // GPU hosts have x86 processors, whatever this machine has.
  const build = [
    'build',
    '--platform',
    'linux/amd64',
    '--build-arg',
    `VARIANT=${variant}`,
    '-f',
    dockerfile,
    '-t',
    name,
    '.',
  ];
  await runEngine(engine, build, { cwd: ROOT });
  // Only now: the token would expire during a long build.
  const { user, password } = await registryLogin({ endpoint, profile }, target);
  await runEngine(engine, ['login', '--username', user, '--password-stdin', target.registry], { input: password });
  await runEngine(engine, ['push', name]);
}
