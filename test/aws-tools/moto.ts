import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../helpers/free-port.ts';

/** A running moto server: https://docs.getmoto.org. */
export interface Moto {
  readonly endpoint: string;
  /** Types of resources that its CloudFormation was asked to create and skipped, because it does not have them. */
  readonly skipped: ReadonlySet<string>;
  /** Forgets everything. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

const TIMEOUT_MS = 60_000;
const SKIPPED = /No Moto CloudFormation support for (AWS::[\w:]+)/;

/** Starts moto on a free port of 127.0.0.1. */
export async function startMoto(python: string): Promise<Moto> {
  const port = await freePort();
  const child = spawn(python, ['-m', 'moto.server', '--host', '127.0.0.1', '--port', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const skipped = new Set<string>();
  const lines: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line);
    const [, type] = SKIPPED.exec(line) ?? [];
    if (type !== undefined) skipped.add(type);
  });
  const endpoint = `http://127.0.0.1:${port}`;
  await answers(`${endpoint}/moto-api/data.json`, child, lines);
  return {
    endpoint,
    skipped,
    async reset() {
      skipped.clear();
      await fetch(`${endpoint}/moto-api/reset`, { method: 'POST' });
    },
    async stop() {
      if (child.exitCode !== null) return;
      const exited = once(child, 'exit');
      child.kill();
      await exited;
    },
  };
}

async function answers(url: string, child: ChildProcess, lines: readonly string[]): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    if (await fetch(url).catch(() => undefined)) return;
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill();
      throw new Error(`moto did not start: ${lines.slice(-5).join('\n')}`);
    }
    await sleep(200);
  }
}
