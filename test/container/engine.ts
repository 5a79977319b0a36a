import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A command that builds and runs containers. */
export interface Engine {
  readonly command: string;
  readonly env: NodeJS.ProcessEnv;
  /** Additional arguments of `build`. */
  readonly buildArgs: readonly string[];
}

/** Configuration of podman for sandboxes, where limits cannot be raised and both cgroup versions exist. */
const SANDBOX = `[engine]
runtime = "runc"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
`;

/** Supported engines. `folder` holds their configuration. */
export function engines(folder: string): readonly Engine[] {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'containers.conf');
  writeFileSync(file, SANDBOX);
  return [
    { command: 'docker', env: process.env, buildArgs: ['--network', 'host'] },
    { command: 'podman', env: process.env, buildArgs: ['--network', 'host'] },
    {
      command: 'podman',
      env: { ...process.env, CONTAINERS_CONF: file },
      buildArgs: ['--network', 'host', '--isolation', 'chroot'],
    },
  ];
}

/** Whether the engine answers. Docker's client does so without a server too. */
export const isRunning = (engine: Engine): boolean => run(engine, ['info']).status === 0;

/** Runs a command to its end. `stdin` is a file descriptor. */
export function run({ command, env }: Engine, args: readonly string[], loud = false) {
  const stdio = loud ? (['ignore', 2, 2] as const) : (['ignore', 'pipe', 'pipe'] as const);
  const { status, stdout, stderr, error } = spawnSync(command, args, { env, stdio: [...stdio], encoding: 'utf8' });
  return { status, output: `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`.trim() };
}
