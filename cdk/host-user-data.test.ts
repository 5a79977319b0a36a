import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BOOT_SCRIPT } from './host-user-data.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fedcardio-boot-'));
  for (const name of ['iptables', 'ip6tables', 'systemctl']) command(name, 'exit 0');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A command that writes down how it was called. */
function command(name: string, then: string): void {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\necho "${name} $*" >> "${folder}/calls"\n${then}\n`);
  chmodSync(file, 0o755);
}

/** Boots once, and returns the calls of all boots so far. */
function boot(): { readonly status: number | null; readonly calls: readonly string[]; readonly config: string } {
  const { status } = spawnSync('/bin/bash', ['-c', BOOT_SCRIPT], {
    env: { PATH: `${folder}:/usr/bin:/bin`, ECS_CONFIG_FILE: join(folder, 'ecs', 'ecs.config') },
  });
  const config = join(folder, 'ecs', 'ecs.config');
  return {
    status,
    calls: readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n'),
    config: existsSync(config) ? readFileSync(config, 'utf8') : '',
  };
}

describe('the boot script of hosts', () => {
  test('keeps everyone but root from the instance metadata, on the host and on a bridge', () => {
    const { status, calls } = boot();

    expect(status).toBe(0);
    for (const [program, address] of [
      ['iptables', '169.254.169.254'],
      ['ip6tables', 'fd00:ec2::254'],
    ]) {
      expect(calls).toContain(
        `${program} --wait --insert OUTPUT --destination ${address} --match owner ! --uid-owner 0 --jump REJECT`,
      );
      expect(calls).toContain(`${program} --wait --insert DOCKER-USER --destination ${address} --jump REJECT`);
    }
  });

  test("leaves the address of the jobs' own credentials reachable", () => {
    expect(boot().calls.join('\n')).not.toContain('169.254.170.2');
  });

  test('creates the chain before it adds to it, and goes on where Docker has one', () => {
    command('iptables', 'case "$*" in *--new-chain*) exit 1;; esac');

    const { status, calls } = boot();

    expect(status).toBe(0);
    const own = calls.filter((call) => call.startsWith('iptables') && call.includes('DOCKER-USER'));
    expect(own.map((call) => call.split(' ')[2])).toEqual(['--new-chain', '--insert']);
  });

  test.each(['OUTPUT', 'DOCKER-USER'])('starts no task on a host where the rule in %s cannot be set', (chain) => {
    command('iptables', `case "$*" in *"--insert ${chain}"*) exit 4;; esac`);

    const { status, calls } = boot();

    expect(status).not.toBe(0);
    expect(calls.at(-1)).toBe('systemctl mask --runtime ecs.service');
  });

  test('runs on hosts without IPv6', () => {
    command('ip6tables', 'exit 3');

    expect(boot().status).toBe(0);
  });

  test('sets up the agent for reclaimed hosts and a large image, once for any number of boots', () => {
    boot();
    const { config } = boot();

    const lines = config.trim().split('\n');
    expect(new Set(lines).size).toBe(lines.length);
    expect(lines).toEqual(
      expect.arrayContaining([
        'ECS_ENABLE_SPOT_INSTANCE_DRAINING=true',
        'ECS_CONTAINER_STOP_TIMEOUT=110s',
        'ECS_DISABLE_PRIVILEGED=true',
        'ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST=true',
      ]),
    );
  });

  test('keeps what the machine image has set', () => {
    boot();
    const file = join(folder, 'ecs', 'ecs.config');
    writeFileSync(file, 'ECS_ENABLE_GPU_SUPPORT=true\n');

    expect(boot().config).toMatch(/^ECS_ENABLE_GPU_SUPPORT=true\n/);
  });
});
