import { spawn } from 'node:child_process';
import { FedcardioError } from '../../lib/error.ts';

/** Container engines that understand the same commands, in the order in which they are looked for. */
export const ENGINES = ['docker', 'podman'] as const;
export type Engine = (typeof ENGINES)[number];

/** Runs a container engine's command; what it prints goes to standard error. @throws FedcardioError if it fails */
export async function runEngine(
  engine: Engine,
  args: readonly string[],
  { cwd, input }: { readonly cwd?: string; readonly input?: string } = {},
): Promise<void> {
  const code = await exitCodeOf(engine, args, { cwd, input, quiet: false });
  if (code === 0) return;
  throw new FedcardioError('BAD_CONFIGURATION', `\`${engine} ${args[0]}\` failed with exit code ${code}.`, {
    hint: 'Its output above says why.',
  });
}

/** The engine that was asked for, or the first that works. @throws FedcardioError if there is none */
export async function findEngine(asked: Engine | undefined): Promise<Engine> {
  for (const engine of asked ? [asked] : ENGINES) {
    const code = await exitCodeOf(engine, ['version'], { quiet: true }).catch(() => 1);
    if (code === 0) return engine;
  }
  const names = asked ?? ENGINES.join(' nor ');
  throw new FedcardioError(
    'BAD_CONFIGURATION',
    `${asked ? '' : 'Neither '}${names} ${asked ? 'does not work' : 'works'} here.`,
    {
      hint: 'Install Docker or Podman, start it, and check that your user may use it: `docker version`.',
    },
  );
}

function exitCodeOf(
  engine: Engine,
  args: readonly string[],
  {
    cwd,
    input,
    quiet,
  }: { readonly cwd?: string | undefined; readonly input?: string | undefined; readonly quiet: boolean },
): Promise<number> {
  return new Promise((resolve, reject) => {
    const shown = quiet ? 'ignore' : process.stderr;
    const child = spawn(engine, args, {
      stdio: [input === undefined ? 'ignore' : 'pipe', shown, shown],
      ...(cwd ? { cwd } : {}),
    });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
    // An engine that does not read its input closes it.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}
