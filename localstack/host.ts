import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { waitForHealth } from './health.ts';
import type { Launch } from './launch.ts';
import { filesOf, removePidFile, STATE, writePidFile } from './pid-files.ts';
import { localStackPython } from './python.ts';

const SETTINGS = new URL('./localstack.env', import.meta.url);
const GRACE_SECONDS = 10;

/**
 * Runs LocalStack as a process of this machine (its host mode), for machines without a container engine.
 *
 * @throws FedcardioError BAD_CONFIGURATION if it cannot be installed
 */
export async function hostLaunch(say: (line: string) => void): Promise<Launch> {
  const python = await localStackPython(say);
  return {
    async start(port, say) {
      say('LocalStack: starting in host mode (no container engine runs)');
      const files = resolve(filesOf(port));
      rmSync(files, { recursive: true, force: true });
      mkdirSync(files, { recursive: true });
      const log = join(STATE, `localstack-${port}.log`);
      const output = openSync(log, 'w');
      // In its own process group, because on Ctrl-C the parent stops it in order.
      const child = spawn(python, ['-m', 'localstack.runtime.main'], {
        env: { ...process.env, ...settings(port, files) },
        stdio: ['ignore', output, output],
        detached: true,
      });
      let ended: string | undefined;
      child.once('error', (error) => {
        ended = error.message;
      });
      child.once('exit', (code, signal) => {
        ended = `it ended by ${signal ?? `code ${code}`}: ${lastLines(log)}`;
      });
      if (child.pid !== undefined) writePidFile(port, child.pid);
      const stop = async () => {
        await end(child);
        removePidFile(port);
      };
      const endpoint = `http://127.0.0.1:${port}`;
      try {
        await waitForHealth(endpoint, say, { failure: () => ended, advice: `Check ${log}.` });
      } catch (error) {
        await stop();
        throw error;
      }
      return { endpoint, stop };
    },
  };
}

const settings = (port: number, files: string): NodeJS.ProcessEnv => ({
  ...parseEnv(readFileSync(SETTINGS, 'utf8')),
  GATEWAY_LISTEN: `127.0.0.1:${port}`,
  // LocalStack's other server, twisted, ignores the address and listens on all of them.
  GATEWAY_SERVER: 'hypercorn',
  DNS_ADDRESS: '0',
  // This machine may be a container, but not LocalStack's own.
  OVERRIDE_IN_DOCKER: '0',
  FILESYSTEM_ROOT: files,
});

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_SECONDS * 1000);
  await exited;
  clearTimeout(timer);
}

const lastLines = (file: string): string => readFileSync(file, 'utf8').trim().split('\n').slice(-5).join('\n');
